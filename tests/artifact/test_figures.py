import json
import re
from copy import deepcopy
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecd_data.artifact.figures import MOST_ROWS, figures
from ecd_data.artifact.manifest import read_manifest
from tests.helpers.nasty import text_and_nasty
from tests.helpers.scripted import RECIPE

SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {"svg", "title", "desc", "style", "rect", "text", "line", "circle"}


@pytest.fixture
def manifest(make_build):
    recipe = replace(RECIPE, operations=("reasoning/*", "style/no_*"), judge_items=10, judge_accuracy=0.0)
    return read_manifest(make_build(recipe=recipe))


def parsed(svg):
    root = ElementTree.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= DRAWN
    return root


def words(svg):
    return [element.text for element in parsed(svg).iter(f"{SVG}text")]


def test_a_build_has_its_figures_with_the_numbers_of_its_manifest(make_build):
    build = make_build()
    manifest = read_manifest(build)
    drawn = figures(manifest)
    assert set(drawn) == {"funnel.svg", "pairs.svg", "requirements.svg", "lengths.svg", "similarity.svg"}
    for name, svg in drawn.items():
        assert (build / "figures" / name).read_text() == svg
        assert f"figures/{name}" in manifest["files"]
    counts, found = manifest["counts"], manifest["distributions"]
    assert any(text.startswith(f"{counts['rounds']} \u00b7 100%") for text in words(drawn["funnel.svg"]))
    assert {*map(str, counts["by_class"].values()), *counts["by_class"]} <= set(words(drawn["pairs.svg"]))
    assert f"chosen, median {found['characters']['median']['chosen']}" in words(drawn["lengths.svg"])
    assert f"{sum(found['requirements']['by_operation'].values())} in force" in words(drawn["requirements.svg"])[1]


def test_bars_are_as_long_as_their_numbers(manifest):
    manifest = deepcopy(manifest)
    manifest["funnel"]["by_round"] = {
        "1": {"attempted": 100, "evolved": 80, "adapted": 60, "passed": 40, "pairs": 20},
        "2": {"attempted": 100, "evolved": 80, "adapted": 60, "passed": 40, "pairs": 0},
    }
    bars = parsed(figures(manifest)["funnel.svg"]).findall(f"{SVG}rect[@class='blue']")
    widths = [float(bar.get("width")) for bar in bars]
    assert [width / widths[0] for width in widths] == pytest.approx([1, 0.8, 0.6, 0.4, 0.1], abs=0.001)


def test_the_judges_accuracy_is_shown_where_it_is(manifest):
    by_class = manifest["judge"]["calibration"]["by_class"]
    shown = words(figures(manifest)["judge.svg"])
    for row in by_class.values():
        assert (f"{row['balanced_accuracy']:.2f}" if row["items"] else "not tried") in shown


def test_many_classes_and_rounds_are_put_together(manifest):
    manifest = deepcopy(manifest)
    classes = {f"class-{i:02d}": {str(round): i + 1 for round in range(1, 21)} for i in range(30)}
    manifest["distributions"]["by_class_and_round"] = classes
    shown = words(figures(manifest)["pairs.svg"])
    assert f"{30 - MOST_ROWS + 1} others" in shown
    assert f"{MOST_ROWS + 1}+" in shown
    kept = {name for name in classes if name in shown}
    assert kept == {f"class-{i:02d}" for i in range(30 - MOST_ROWS + 1, 30)}
    others = sum(sum(counts.values()) for name, counts in classes.items() if name not in kept)
    assert f"{others:,}" in shown


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(names=st.lists(text_and_nasty, min_size=1, max_size=3, unique=True))
def test_names_cannot_break_a_figure(manifest, names):
    manifest = deepcopy(manifest)
    found = manifest["distributions"]
    found["by_class_and_round"] = {name: {"1": 3} for name in names}
    found["requirements"]["by_operation"] = {f"{name}/x": 3 for name in names}
    manifest["judge"]["calibration"]["by_class"] = dict.fromkeys(names, manifest["judge"]["calibration"]["overall"])
    for svg in figures(json.loads(json.dumps(manifest))).values():
        parsed(svg)
        assert "\u202e" not in svg


def test_a_figure_needs_nothing_from_outside(manifest):
    for svg in figures(manifest).values():
        assert set(re.findall(r"https?://[^\"' ]+", svg)) == {"http://www.w3.org/2000/svg"}
        assert "prefers-color-scheme: dark" in svg
        assert not re.search(r"<script|\son\w+=|href|@import|url\(|<foreignObject", svg)


def test_a_figure_fits_its_frame(manifest):
    for svg in figures(manifest).values():
        root = parsed(svg)
        width, height = float(root.get("width")), float(root.get("height"))
        for rect in root.findall(f"{SVG}rect"):
            assert 0 <= float(rect.get("x")) <= float(rect.get("x")) + float(rect.get("width")) <= width
            assert 0 <= float(rect.get("y")) <= float(rect.get("y")) + float(rect.get("height")) <= height
        for text in root.findall(f"{SVG}text"):
            assert 0 <= float(text.get("x")) <= width
            assert 0 < float(text.get("y")) < height
