"""What a build contains is shown and never run: hostile texts, in headless Chromium."""

import copy
import socket
from dataclasses import replace

import pytest

from ecd_data.reporting.page import render_page
from tests.helpers.report_page import go_to

HOSTILE = (
    "</script><script>window.ran = 1</script><img src=x onerror='window.ran = 2'><svg onload=ran=3>\n"
    "[link](javascript:window.ran=4) <a href='javascript:ran=5'>here</a> {{ 7 * 7 }} <!--<script>"
)

pytestmark = pytest.mark.browser
INVISIBLE = "left \u202eright\u202c \x00 \x1b[31m \ud800 end"


def with_texts(contents, text):
    """The same contents with `text` for every text, and in every other place that a build fills."""
    chains = copy.deepcopy(contents.chains)
    chains["texts"] = [text + str(number) for number in range(len(chains["texts"]))]
    for requirement in chains["requirements"]:
        requirement["id"] = text
    for chain in chains["chains"]:
        for row in (*chain["turns"], *chain["pairs"], *chain["rejects"]):
            row["operation"] = text
    summary = copy.deepcopy(contents.summary)
    summary["name"] = summary["model"]["id"] = text
    summary["seeds"]["sources"] = [text]
    summary["counts"]["rejects"] = {f"{text}/{text}": 3}
    summary["funnel"]["by_class"] = {text: next(iter(summary["funnel"]["by_class"].values()))}
    return replace(contents, chains=chains, summary=summary)


@pytest.mark.parametrize("hostile", [HOSTILE, INVISIBLE, "x" * 3000, "ملاحظة: \u202bنص\u202c"])
def test_hostile_texts_are_shown_and_never_run(open_page, contents, rows, hostile):
    row, reject = rows["preference"][0], rows["rejects"][0]
    tab = open_page(with_texts(contents, hostile))
    for at in (row["id"], reject["id"]):
        go_to(tab, at)
        for details in tab.locator(".chain details").all():
            details.evaluate("details => { details.open = true }")
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    go_to(tab, row["id"])
    assert tab.evaluate("window.ran") is None
    assert tab.evaluate("document.scripts.length") == 3
    assert tab.locator("main img:not(figure img), main svg, main iframe, main a[href^='javascript']").count() == 0
    seen = tab.locator(".side.chosen .text").text_content()
    if hostile == INVISIBLE:
        assert seen.startswith("left U+202Eright")
        assert all(name in seen for name in ("U+0000", "U+001B", "U+D800"))
    elif hostile == HOSTILE:
        assert seen.startswith(hostile)


def test_a_long_text_is_cut_until_the_rest_is_wanted(open_page, contents):
    chains = copy.deepcopy(contents.chains)
    pair = next(chain["pairs"][0] for chain in chains["chains"] if chain["pairs"])
    chains["texts"][pair["chosen"]["text"]] = "a long answer " * 3_000
    pair["chosen"]["marks"] = [2, 4, 19_993, 6]  # the last one goes over the cut
    tab = open_page(replace(contents, chains=chains), pair["id"])
    box = tab.locator(".side.chosen .text")
    assert 20_000 < len(box.text_content()) < 20_100
    assert box.locator("mark").all_text_contents() == ["long", "a"]
    box.get_by_role("button").click()
    assert len(box.text_content()) == 42_000
    assert box.locator("mark").all_text_contents() == ["long", "answer"]


def test_the_policy_stops_scripts_that_stand_in_the_file(load, complaints, contents):
    added = "<script>window.ran = 1</script><img src='data:,' onerror='window.ran = 2'></body>"
    tab = load(render_page(contents).replace("</body>", added))
    assert tab.evaluate("window.ran") is None
    assert ["inline script" in text or "inline event handler" in text for text in complaints] == [True, True]


def test_the_policy_stops_what_a_script_might_do(load, contents):
    tab = load(render_page(contents))
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.2)
    outcome = tab.evaluate(
        """async (url) => {
        const blocked = [];
        addEventListener("securitypolicyviolation", (event) => blocked.push(event.effectiveDirective));
        const attempt = (action) => { try { action(); return "done"; } catch (error) { return error.name; } };
        const html = attempt(() => { document.body.innerHTML = "<b>no</b>"; });
        const script = attempt(() => { document.createElement("script").textContent = "window.ran = 1"; });
        const code = attempt(() => setTimeout("window.ran = 2"));
        const style = document.createElement("style");
        style.textContent = "body { display: none }";
        const image = new Image();
        image.src = url;
        document.body.append(style, image);
        const request = await fetch(url).then(() => "done", (error) => error.name);
        await new Promise((done) => setTimeout(done, 100));
        const { display } = getComputedStyle(document.body);
        return { html, script, code, request, blocked, display, ran: window.ran };
    }""",
        f"http://127.0.0.1:{server.getsockname()[1]}/x.png",
    )
    assert outcome["html"] == outcome["script"] == outcome["code"] == "TypeError"
    assert outcome["request"] == "TypeError"
    assert {"connect-src", "img-src", "style-src-elem"} <= set(outcome["blocked"])
    assert outcome.get("ran") is None
    assert outcome["display"] == "block"
    with server, pytest.raises(TimeoutError):  # nobody connects
        server.accept()
