from ecd_data.core.rng import call_seed, keyed


def test_choices_depend_on_their_key_alone():
    assert keyed(0, "s", 1, 0, "operation").random() == keyed(0, "s", 1, 0, "operation").random()
    assert keyed(0, "s", 1, 0, "operation").random() != keyed(0, "s", 1, 1, "operation").random()
    assert keyed("ab", "c").random() != keyed("a", "bc").random()
    seeds = {call_seed(0, "s", round, 0, "edit") for round in range(100)}
    assert len(seeds) == 100
    assert all(0 <= seed < 2**31 for seed in seeds)
