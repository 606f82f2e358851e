import json
import re
from importlib import resources

from hypothesis import given
from hypothesis import strategies as st

from ecd_data.artifact.schema import schema_text
from ecd_data.builders import BUILDERS
from ecd_data.reporting.page import SCRIPTS, render_page, script_json

ASSETS = resources.files("ecd_data.reporting") / "assets"
ANY_TEXT = st.text(st.characters(categories=None))  # half surrogate pairs too


def test_the_same_contents_give_the_same_bytes(contents):
    assert render_page(contents) == render_page(contents)


@given(ANY_TEXT | st.sampled_from(["</script><script>", "<!--<script>", "\u2028"]))
def test_no_text_can_end_its_element(text):
    written = script_json({"text": text})
    assert "<" not in written
    assert written.isascii()
    assert json.loads(written) == {"text": text}


def test_the_assets_load_nothing_and_make_no_html_of_texts():
    for name in (*SCRIPTS, "report.css", "report.html"):
        text = (ASSETS / name).read_text()
        assert not re.search(r"https?:|@import|url\(", text), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|\son\w+=", text), name


def test_neither_script_nor_style_can_end_its_element():
    assert not re.search("</script|</style|<!--", "".join((ASSETS / n).read_text() for n in (*SCRIPTS, "report.css")))


def test_every_reason_for_a_reject_is_explained():
    explained = re.findall(r"^  (\w+): \"", (ASSETS / "round.js").read_text(), re.MULTILINE)
    for builder in BUILDERS:
        reasons = json.loads(schema_text("rejects", builder))["properties"]["reason"]["enum"]
        assert set(reasons) <= set(explained), builder
