from ecd_data.core.values import Ruling


def test_a_split_vote_is_no_majority():
    assert Ruling("r", 0.6667).met
    assert not Ruling("r", 0.5).met
    assert Ruling("r", 0.5).undecided
