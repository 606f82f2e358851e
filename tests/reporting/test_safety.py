"""What a build holds is shown and never run: hostile texts, in headless Chromium."""

import copy
import socket
from dataclasses import replace

import pytest

from ecd_data.reporting.page import page
from tests.helpers.looking import until

HOSTILE = (
    "</script><script>window.ran = 1</script><img src=x onerror='window.ran = 2'><svg onload=ran=3>\n"
    "[link](javascript:window.ran=4) <a href='javascript:ran=5'>here</a> {{ 7 * 7 }} <!--<script>"
)
UNSEEN = "left \u202eright\u202c \x00 \x1b[31m \ud800 end"


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


@pytest.mark.parametrize("hostile", [HOSTILE, UNSEEN, "x" * 3000, "ملاحظة: \u202bنص\u202c"])
def test_hostile_texts_are_shown_and_never_run(open_page, contents, rows, hostile):
    row, reject = rows["preference"][0], rows["rejects"][0]
    tab = open_page(with_texts(contents, hostile))
    for at in (row["id"], reject["id"]):
        tab.evaluate("id => { location.hash = id }", at)
        until(tab, "id => document.querySelector('.round .id')?.innerText === id", at)
        for details in tab.locator(".chain details").all():
            details.evaluate("details => { details.open = true }")
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tab.evaluate("id => { location.hash = id }", row["id"])
    tab.wait_for_selector(".chosen .text")
    assert tab.evaluate("window.ran") is None
    assert tab.evaluate("document.scripts.length") == 3
    assert tab.locator("main img:not(figure img), main svg, main iframe, main a[href^='javascript']").count() == 0
    seen = tab.locator(".chosen .text").text_content()
    if hostile == UNSEEN:
        assert seen.startswith("left U+202Eright")
        assert all(name in seen for name in ("U+0000", "U+001B", "U+D800"))
    elif hostile == HOSTILE:
        assert seen.startswith(hostile)


def test_a_text_of_a_megabyte_is_cut_until_asked_for(open_page, contents):
    chains = copy.deepcopy(contents.chains)
    pair = next(chain["pairs"][0] for chain in chains["chains"] if chain["pairs"])
    chains["texts"][pair["chosen"]["text"]] = "a long answer " * 75_000
    tab = open_page(replace(contents, chains=chains), pair["id"])
    box = tab.locator(".chosen .text")
    assert len(box.text_content()) < 21_000
    box.get_by_role("button").click()
    assert len(box.text_content()) > 1_000_000


def test_the_policy_stops_scripts_that_stand_in_the_file(contents, browser, tmp_path):
    added = "<script>window.ran = 1</script><img src='data:,' onerror='window.ran = 2'></body>"
    (tmp_path / "report.html").write_text(page(contents).replace("</body>", added))
    tab, said = browser.new_page(), []
    tab.on("console", lambda message: said.append(message.text))
    tab.goto((tmp_path / "report.html").as_uri())
    tab.wait_for_selector("body[data-ready]")
    ran = tab.evaluate("window.ran")
    tab.close()
    assert ran is None
    assert ["inline script" in text or "inline event handler" in text for text in said] == [True, True]


def test_the_policy_stops_what_a_script_might_do(contents, browser, tmp_path):
    (tmp_path / "report.html").write_text(page(contents))
    tab = browser.new_page()
    tab.goto((tmp_path / "report.html").as_uri())
    tab.wait_for_selector("body[data-ready]")
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.2)
    outcome = tab.evaluate(
        """async (url) => {
        const blocked = [];
        addEventListener("securitypolicyviolation", (event) => blocked.push(event.effectiveDirective));
        const tried = (act) => { try { act(); return "done"; } catch (error) { return error.name; } };
        const html = tried(() => { document.body.innerHTML = "<b>no</b>"; });
        const script = tried(() => { document.createElement("script").textContent = "window.ran = 1"; });
        const code = tried(() => setTimeout("window.ran = 2"));
        const style = document.createElement("style");
        style.textContent = "body { display: none }";
        const image = new Image();
        image.src = url;
        document.body.append(style, image);
        const asked = await fetch(url).then(() => "done", (error) => error.name);
        await new Promise((done) => setTimeout(done, 100));
        const { display } = getComputedStyle(document.body);
        return { html, script, code, asked, blocked, display, ran: window.ran };
    }""",
        f"http://127.0.0.1:{server.getsockname()[1]}/x.png",
    )
    tab.close()
    assert outcome["html"] == outcome["script"] == outcome["code"] == "TypeError"
    assert outcome["asked"] == "TypeError"
    assert {"connect-src", "img-src", "style-src-elem"} <= set(outcome["blocked"])
    assert outcome.get("ran") is None
    assert outcome["display"] == "block"
    with server, pytest.raises(TimeoutError):  # nobody connects
        server.accept()
