from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.artifact.manifest import read_manifest
from ecd_data.artifact.parquet import every_row
from ecd_data.artifact.statistics import length_histograms, make_distributions
from tests.helpers.scripted import RECIPE


def pair(operation, round, chosen, rejected, similarity, requirements):
    return {
        "operation": operation,
        "round": round,
        "requirements": [{"id": id_, "check": check} for id_, check in requirements],
        "chosen": [{"content": "x" * chosen}],
        "rejected": [{"content": "x" * rejected}],
        "similarity": similarity,
    }


def write_pairs(build, pairs):
    (build / "data" / "preference").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(pairs), build / "data/preference/train-00000-of-00001.parquet")


def test_distributions_count_the_pairs_and_what_is_in_force(tmp_path):
    commas, why = ("style/no_commas", "code"), ("reasoning/why", "judge")
    pairs = [
        pair("style/no_commas", 1, 64, 79, 1.0, [commas]),
        pair("reasoning/why", 2, 80, 10, 0.5, [commas, why]),
        pair("reasoning/why", 10, 95, 95, 0.98, [why]),
    ]
    write_pairs(tmp_path, pairs)
    found = make_distributions(tmp_path)
    assert found["by_class_and_round"] == {"reasoning": {"2": 1, "10": 1}, "style": {"1": 1}}
    assert found["requirements"] == {
        "by_operation": {"reasoning/why": 2, "style/no_commas": 2},
        "by_check": {"code": 2, "judge": 2},
        "per_pair": {"1": 2, "2": 1},
    }
    characters = found["characters"]
    assert characters["median"] == {"chosen": 80, "rejected": 79}
    counted = {side: dict(zip(characters["from"], characters[side], strict=True)) for side in ("chosen", "rejected")}
    assert {start: n for start, n in counted["chosen"].items() if n} == {64: 1, 80: 2}
    assert {start: n for start, n in counted["rejected"].items() if n} == {10: 1, 64: 1, 80: 1}
    assert found["similarity"]["median"] == 0.98
    assert {i: n for i, n in enumerate(found["similarity"]["pairs"]) if n} == {25: 1, 49: 2}


@given(st.lists(st.integers(0, 10**6), min_size=1), st.lists(st.integers(0, 10**6), min_size=1))
def test_every_length_is_in_one_bin_and_the_bins_at_both_ends_are_used(chosen, rejected):
    found = length_histograms({"chosen": chosen, "rejected": rejected})
    assert found["from"] == sorted(set(found["from"]))
    assert found["from"][0] <= min(*chosen, *rejected)
    for side, lengths in (("chosen", chosen), ("rejected", rejected)):
        assert sum(found[side]) == len(lengths)
    assert found["chosen"][0] + found["rejected"][0] > 0
    assert found["chosen"][-1] + found["rejected"][-1] > 0
    widths = [b - a for a, b in zip(found["from"], found["from"][1:], strict=False)]
    assert widths == sorted(widths)


@pytest.mark.parametrize("changes", [{}, {"pairs": "all"}])
def test_the_distributions_of_a_build_add_up_with_its_counts(make_build, changes):
    build = make_build(recipe=replace(RECIPE, rounds=4, **changes))
    manifest = read_manifest(build)
    counts, found = manifest["counts"], manifest["distributions"]
    assert {name: sum(n.values()) for name, n in found["by_class_and_round"].items()} == counts["by_class"]
    in_force = sum(len(row["requirements"]) for row in every_row(build, "preference", ["requirements"]))
    requirements = found["requirements"]
    assert sum(requirements["by_operation"].values()) == sum(requirements["by_check"].values()) == in_force
    assert sum(int(number) * n for number, n in requirements["per_pair"].items()) == in_force
    for histogram in (found["characters"]["chosen"], found["characters"]["rejected"], found["similarity"]["pairs"]):
        assert sum(histogram) == counts["pairs"]
