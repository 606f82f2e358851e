from collections import Counter
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecd_data.artifact.funnel import make_funnel
from ecd_data.artifact.manifest import read_manifest
from ecd_data.artifact.parquet import every_row
from ecd_data.artifact.statistics import length_ratios
from tests.helpers.scripted import RECIPE

A, B, C = ("a" * 16, "b" * 16, "c" * 16)


def candidates(*made):
    return [{"route": route, "attempt": i, "text": "x", "defect": defect} for i, (route, defect) in enumerate(made)]


def turn(number, operation, adapted_by, *made):
    return {"round": number, "operation": operation, "adapted_by": adapted_by, "candidates": candidates(*made)}


def reject(id_, number, step, reason, operation, *made):
    row = {"id": f"{id_}-r{number}", "round": number, "step": step, "reason": reason, "operation": operation}
    return {**row, "candidates": candidates(*made)}


def text(characters):
    return [{"role": "assistant", "content": "x" * characters}]


@pytest.fixture
def rows(tmp_path):
    """Three chains: one whose second pair was one too many of its route, one that failed, one that never began."""
    tables = {
        "chains": [
            {
                "id": A,
                "turns": [
                    turn(0, "", "fresh", ("fresh", "")),
                    turn(1, "style/no_commas", "edit", ("edit", "unmet"), ("edit", "")),
                    turn(2, "format/title", "repair", ("edit", "drifted"), ("repair", "")),
                ],
                "pairs": [f"{A}-r1"],
            },
            {"id": B, "turns": [turn(0, "", "seed")], "pairs": []},
            {"id": C, "turns": [], "pairs": []},
        ],
        "preference": [{"operation": "style/no_commas", "chosen": text(90), "rejected": text(60)}],
        "rejects": [
            reject(A, 2, "contrast", "route_share", "format/title"),
            reject(A, 3, "evolution", "no_operation", ""),
            reject(B, 1, "elimination", "unmet", "style/no_commas", ("edit", "unmet"), ("fresh", "empty")),
            reject(B, 2, "elimination", "empty", "format/title", ("edit", "empty")),
            reject(B, 3, "contrast", "negative_meets_all", "format/title"),
            reject(C, 0, "answer", "empty", "", ("fresh", "empty")),
        ],
    }
    for config, made in tables.items():
        (tmp_path / "data" / config).mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(made), tmp_path / "data" / config / "train-00000-of-00001.parquet")
    return tmp_path


def stages(*counts):
    return dict(zip(("attempted", "evolved", "adapted", "passed", "pairs"), counts, strict=True))


def test_each_round_counts_once_as_far_as_it_came(rows):
    funnel = make_funnel(rows)
    assert funnel["by_class"] == {
        "format": stages(3, 3, 1, 1, 0),
        "none": stages(2, 0, 0, 0, 0),
        "style": stages(2, 2, 2, 1, 1),
    }
    assert funnel["by_round"] == {
        "0": stages(1, 0, 0, 0, 0),
        "1": stages(2, 2, 2, 1, 1),
        "2": stages(2, 2, 1, 1, 0),
        "3": stages(2, 1, 0, 0, 0),
    }
    assert funnel["by_operation"]["style/no_commas"] == stages(2, 2, 2, 1, 1)
    assert funnel["operations"] == {"drawn": 2, "with_pair": 1}


def test_routes_count_what_they_offered_in_rounds_but_not_first_answers(rows):
    assert make_funnel(rows)["routes"] == {
        "edit": {"tried": 5, "passed": 1, "pairs": 1},
        "fresh": {"tried": 1, "passed": 0, "pairs": 0},
        "repair": {"tried": 1, "passed": 1, "pairs": 0},
    }


def test_length_ratios_say_which_side_is_longer(rows):
    assert length_ratios(rows) == {
        "all": {"median": 1.5, "mean_log": 0.41},
        "style": {"median": 1.5, "mean_log": 0.41},
    }


@pytest.mark.parametrize("changes", [{}, {"pairs": "all"}, {"select": "closest", "max_share": {"repair": 0.2}}])
def test_the_funnel_of_a_build_adds_up_with_its_counts(make_build, changes):
    build = make_build(recipe=replace(RECIPE, rounds=4, **changes))
    manifest = read_manifest(build)
    funnel, counts = manifest["funnel"], manifest["counts"]
    for table in (funnel["by_class"], funnel["by_operation"], funnel["by_round"]):
        assert sum(row["attempted"] for row in table.values()) == counts["rounds"] == 80
        assert sum(row["pairs"] for row in table.values()) == counts["by_gap"]["1"]
        assert all(list(row.values()) == sorted(row.values(), reverse=True) for row in table.values())
    adjacent = Counter(row["adapted_by"] for row in every_row(build, "preference") if row["gap"] == 1)
    assert {route: n["pairs"] for route, n in funnel["routes"].items() if n["pairs"]} == dict(adjacent)
    assert manifest["calls"]["per_pair"]["total"] == round(manifest["calls"]["total"] / counts["pairs"], 1)
