from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ecd_data.corpus.groups import THRESHOLD, group_near_duplicates, shingles, split_of

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def test_near_duplicates_share_a_group_and_others_do_not():
    groups = group_near_duplicates(
        {
            "b": "Write a short story about a lost dog that finds its way home.",
            "a": "Write a short story about a lost dog that finds its way home!",
            "c": "write a SHORT story about a lost dog that finds its way back",
            "d": "Explain how a bicycle stays upright.",
            "e": "Hello",
            "f": "hello!",
        }
    )
    assert groups == {"a": "a", "b": "a", "c": "a", "d": "d", "e": "e", "f": "e"}


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.text("xyz ", max_size=30), max_size=12))
def test_groups_are_the_transitive_closure_of_all_pairs_that_are_similar_enough(texts):
    sets = {id_: shingles(text) for id_, text in texts.items()}
    expected = {id_: id_ for id_ in texts}
    for _ in texts:
        for a in texts:
            for b in texts:
                if len(sets[a] & sets[b]) >= THRESHOLD * len(sets[a] | sets[b]):
                    expected[a] = expected[b] = min(expected[a], expected[b])
    assert group_near_duplicates(texts) == expected


def test_splits_follow_their_shares_and_the_seed():
    splits = [split_of(f"{i:016x}", SHARES, seed=0) for i in range(5000)]
    counts = Counter(splits)
    assert abs(counts["train"] / 5000 - 0.8) < 0.03
    assert abs(counts["test"] / 5000 - 0.1) < 0.02
    assert splits != [split_of(f"{i:016x}", SHARES, seed=1) for i in range(5000)]


def test_the_split_of_a_group_does_not_change():
    """A change here would move seeds of published datasets to other splits."""
    assert [split_of(f"{i:016x}", SHARES, seed=0) for i in (0, 3, 17)] == ["train", "test", "validation"]
