from ecd_data.core.rng import call_seed, keyed_rng


def test_the_choices_of_a_key_do_not_change():
    """A change here would change the plan of every recipe."""
    assert keyed_rng(0, "s", 1, 0, "operation").random() == 0.7746715123426511
    assert call_seed(0, "s", 1, 0, "edit") == 1731669443


def test_different_keys_give_different_choices():
    assert keyed_rng(0, "s", 1, 0, "operation").random() != keyed_rng(0, "s", 1, 1, "operation").random()
    assert keyed_rng("ab", "c").random() != keyed_rng("a", "bc").random()
    seeds = {call_seed(0, "s", round, 0, "edit") for round in range(100)}
    assert len(seeds) == 100
    assert all(0 <= seed < 2**31 for seed in seeds)
