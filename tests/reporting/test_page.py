import json
import re
from importlib import resources

from hypothesis import given
from hypothesis import strategies as st

from ecd_data.artifact.schema import schema_text
from ecd_data.builders import BUILDERS
from ecd_data.reporting.page import SCRIPTS, data, page

PARTS = resources.files("ecd_data.reporting") / "parts"
ANY_TEXT = st.text(st.characters(categories=None))  # half surrogate pairs too


def test_the_same_contents_give_the_same_bytes(contents):
    assert page(contents) == page(contents)


@given(ANY_TEXT | st.sampled_from(["</script><script>", "<!--<script>", "\u2028"]))
def test_no_text_can_end_its_element(text):
    written = data({"text": text})
    assert "<" not in written
    assert written.isascii()
    assert json.loads(written) == {"text": text}


def test_the_pages_own_parts_name_no_other_place():
    for part in PARTS.iterdir():
        if part.name.endswith((".js", ".css", ".html")):
            text = part.read_text()
            assert not re.search(r"https?:|@import|url\(", text), part.name
            assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|\son\w+=", text), (
                part.name
            )
    assert not re.search(
        "</script|</style|<!--", "".join((PARTS / name).read_text() for name in (*SCRIPTS, "report.css"))
    )


def test_every_reason_for_a_reject_is_explained():
    explained = re.findall(r"^  (\w+): \"", (PARTS / "round.js").read_text(), re.MULTILINE)
    for builder in BUILDERS:
        reasons = json.loads(schema_text("rejects", builder))["properties"]["reason"]["enum"]
        assert set(reasons) <= set(explained), builder
