"""A chart of lines."""

from xml.dom.minidom import parseString

from hypothesis import given
from hypothesis import strategies as st

from ecd_data.trainers.common.line_chart import line_chart


@given(st.dictionaries(st.text(min_size=1), st.lists(st.floats(0, 1), max_size=5), min_size=1, max_size=9))
def test_a_chart_is_xml_whatever_a_dataset_is_called(lines: dict[str, list[float]]) -> None:
    names = {name: values for name, values in lines.items() if name.isprintable()} or {"org/a": [0.0, 1.0]}
    chart = parseString(line_chart("Weights", "step", names))
    assert len(chart.getElementsByTagName("polyline")) == len(names)
    shown = [node.firstChild.data for node in chart.getElementsByTagName("text") if node.getAttribute("font-weight")]
    assert shown == [*names]
