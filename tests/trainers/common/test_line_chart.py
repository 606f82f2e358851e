"""A chart of lines."""

from xml.dom.minidom import parseString

from hypothesis import given
from hypothesis import strategies as st

from ecd_data.trainers.common.line_chart import line_chart


@given(st.dictionaries(st.text(min_size=1), st.lists(st.floats(0, 1), max_size=5), min_size=1, max_size=9))
def test_a_chart_is_xml_whatever_a_dataset_is_called(lines: dict[str, list[float]]) -> None:
    chart = parseString(line_chart("Weights", "of each task", "step", lines))
    assert len(chart.getElementsByTagName("polyline")) == len(lines)


def test_a_chart_names_its_lines() -> None:
    chart = parseString(line_chart("Weights", "of each task", "step", {"org/a": [0.0, 1.0], "org/b": [1.0, 0.0]}))
    words = [node.firstChild.data for node in chart.getElementsByTagName("text")]
    assert words[:2] == ["Weights", "of each task"]
    assert words[-2:] == ["org/a", "org/b"]
    strokes = [line.getAttribute("points").split() for line in chart.getElementsByTagName("polyline")]
    assert strokes == [["40,224", "354,64"], ["40,64", "354,224"]]
