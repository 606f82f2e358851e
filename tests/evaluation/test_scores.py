"""Accuracies and intervals against sums by hand, a known distribution, and what must hold for any scores."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecd_data.evaluation.scores import MEASURES, accuracies, accuracy_differences


def row(cluster, *scores, names=("style/a", "format/b", "format/c")):
    """A prompt; each score is (strict, loose) or None."""
    demands = [
        {"name": name, "strict": score and score[0], "loose": score and score[1]}
        for name, score in zip(names, scores, strict=False)
    ]
    return {"key": str(id(demands)), "cluster": cluster, "requirements": demands}


YES, NO, LOOSE = (True, True), (False, False), (False, True)


def lines_of(rows):
    return {(line.part, line.name): line for line in accuracies(rows)}


def values(line):
    return {name: interval.value for name, interval in line.measures.items()}


def test_the_accuracies_are_those_of_a_hand_count():
    lines = lines_of([row("1", YES, YES), row("1", YES, LOOSE, None), row("2", NO), row("3", None)])
    whole = lines["all", ""]
    assert (whole.prompts, whole.requirements) == (3, 5)  # nothing of the last prompt was scored
    assert values(whole) == {
        "prompt_strict": 1 / 3,
        "prompt_loose": 2 / 3,
        "requirement_strict": 3 / 5,
        "requirement_loose": 4 / 5,
    }
    assert values(lines["class", "style"]) == {"requirement_strict": 2 / 3, "requirement_loose": 2 / 3}
    assert values(lines["operation", "format/b"]) == {"requirement_strict": 1 / 2, "requirement_loose": 1.0}
    assert ("operation", "format/c") not in lines
    assert values(lines["in force", "3"])["prompt_loose"] == 1.0  # what is left out is in force too
    assert lines["in force", "1"].prompts == 1


def test_parts_come_in_order():
    rows = [row(str(n), *[YES] * n, names=[f"style/{i}" for i in range(12)]) for n in (10, 2, 1)]
    parts = [(line.part, line.name) for line in accuracies(rows)]
    assert parts[:4] == [("all", ""), ("in force", "1"), ("in force", "2"), ("in force", "10")]


def test_the_interval_is_that_of_independent_prompts():
    """For 400 prompts of which 100 are met: 0.25 -+ 1.96 sqrt(0.25 * 0.75 / 400)."""
    rows = [row(str(number), YES if number % 4 == 0 else NO) for number in range(400)]
    interval = lines_of(rows)["all", ""].measures["prompt_strict"]
    reach = 1.96 * math.sqrt(0.25 * 0.75 / 400)
    assert interval.low == pytest.approx(0.25 - reach, abs=0.006)
    assert interval.high == pytest.approx(0.25 + reach, abs=0.006)


def test_prompts_of_one_seed_count_as_one_draw():
    """100 seeds of 4 rounds that fare alike tell as much as 100 prompts, so the interval is twice as wide."""
    rows = [row(str(number), YES if number % 4 == 0 else NO) for number in range(100) for _ in range(4)]
    interval = lines_of(rows)["all", ""].measures["prompt_strict"]
    reach = 1.96 * math.sqrt(0.25 * 0.75 / 100)
    assert interval.high - interval.low == pytest.approx(2 * reach, abs=0.02)


def test_all_or_none_met_still_has_an_interval():
    """Of 10 that were all met, the exact 95 % interval begins at 0.6915 (Clopper and Pearson)."""
    rows = [row(str(number), YES, NO) for number in range(10)]
    lines = lines_of(rows)
    met, missed = (lines["operation", name].measures["requirement_strict"] for name in ("style/a", "format/b"))
    assert (met.low, met.high) == (pytest.approx(0.6915, abs=1e-4), 1.0)
    assert (missed.low, missed.high) == (0.0, pytest.approx(1 - 0.6915, abs=1e-4))
    both = lines_of([row("1", YES, NO)])["all", ""].measures["requirement_strict"]
    assert (both.value, both.low, both.high) == (0.5, 0.0, 1.0)


def test_a_paired_difference_leaves_out_how_hard_prompts_are():
    """One model meets half of 200 prompts, the other the same ones and 20 more: 0.1 -+ 1.96 sqrt(0.1 * 0.9 / 200)."""
    ours = [row(str(number), YES if number < 120 else NO) for number in range(200)]
    theirs = [row(str(number), YES if number < 100 else NO) for number in range(200)]
    [line] = [line for line in accuracy_differences(ours, theirs) if line.part == "all"]
    interval = line.measures["prompt_strict"]
    reach = 1.96 * math.sqrt(0.1 * 0.9 / 200)
    assert interval.value == pytest.approx(0.1)
    assert interval.low == pytest.approx(0.1 - reach, abs=0.006)
    assert interval.high == pytest.approx(0.1 + reach, abs=0.006)


def test_no_difference_has_an_interval_too():
    rows = [row(str(number), YES) for number in range(10)]
    interval = accuracy_differences(rows, rows)[0].measures["prompt_strict"]
    assert (interval.low, interval.value, interval.high) == (
        pytest.approx(-0.3085, abs=1e-4),
        0,
        pytest.approx(0.3085, abs=1e-4),
    )


SCORE = st.sampled_from([YES, NO, LOOSE, None])
PROMPTS = st.lists(st.tuples(st.sampled_from("abcd"), st.lists(SCORE, min_size=1, max_size=3)), min_size=1, max_size=8)


@settings(max_examples=20)
@given(PROMPTS)
def test_what_holds_for_any_scores(prompts):
    rows = [row(cluster, *scores) for cluster, scores in prompts]
    if all(score is None for _, scores in prompts for score in scores):
        return
    for line in accuracies(rows):
        for measure, interval in line.measures.items():
            assert measure in MEASURES
            assert 0 <= interval.low <= interval.high <= 1
            assert np.isfinite([interval.low, interval.high]).all()
        for level in ("prompt", "requirement"):
            if f"{level}_strict" in line.measures:
                assert line.measures[f"{level}_strict"].value <= line.measures[f"{level}_loose"].value
    for line in accuracy_differences(rows, rows):
        assert all(interval.value == 0 and interval.low <= 0 <= interval.high for interval in line.measures.values())
