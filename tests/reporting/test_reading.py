"""The page as a reader meets it, in headless Chromium."""

import copy
import json
from collections import Counter
from dataclasses import replace

import pytest

from ecd_data.core.word_diff import differences
from ecd_data.reporting.chains import compute_marks
from tests.helpers.report_page import address, choose, go_to, matches, wait_until

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
# The elements whose text has a contrast under 4.5 to what is behind it.
FAINT = """() => {
    const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const light = (colour) => {
        const [r, g, b] = channels(colour).map((v) => linear(v / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
    };
    const ground = (element) => {
        const colour = getComputedStyle(element).backgroundColor;
        return channels(colour)[3] === 0 && element.parentElement ? ground(element.parentElement) : colour;
    };
    const contrast = (element) => {
        const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
        return Math.max(a, b) / Math.min(a, b);
    };
    const written = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    return [...document.body.querySelectorAll("*")]
        .filter((element) => element.checkVisibility() && !element.disabled && written(element))
        .filter((element) => contrast(element) < 4.5)
        .map((element) => element.outerHTML);
}"""


def test_the_overview_shows_numbers_funnel_rejects_and_figures(open_page, contents):
    tab = open_page(contents)
    counts = contents.summary["counts"]
    numbers = dict(zip(*(tab.locator(f".numbers {part}").all_inner_texts() for part in ("dt", "dd")), strict=True))
    assert numbers["verified pairs"] == str(counts["pairs"])
    assert numbers["rounds attempted"] == str(counts["rounds"])
    funnel = tab.locator(".funnel").first.locator(".value").all_inner_texts()
    assert [int(value.split()[0]) for value in (funnel[0], funnel[-1])] == [counts["rounds"], counts["by_gap"]["1"]]
    reasons = tab.locator(".funnel").nth(1).locator("li").all_inner_texts()
    assert len(reasons) == len(counts["rejects"])
    sizes = tab.locator("figure img").evaluate_all("images => images.map(image => image.naturalWidth)")
    assert len(sizes) == len(contents.summary["figures"])
    assert all(sizes)


def test_a_reason_on_the_overview_leads_to_its_rounds(open_page, contents):
    tab = open_page(contents)
    (name, number) = max(contents.summary["counts"]["rejects"].items(), key=lambda item: item[1])
    tab.get_by_role("button", name=name.split("/")[1].replace("_", " "), exact=True).first.click()
    assert matches(tab) == number
    assert tab.locator(".why").inner_text().startswith(name.split("/")[0])


def test_a_pair_is_shown_with_its_differences_and_verdicts(open_page, contents, rows):
    row = max(rows["preference"], key=lambda row: len(row["requirements"]))
    tab = open_page(contents, row["id"])
    chosen, rejected = row["chosen"][0]["content"], row["rejected"][0]["content"]
    assert tab.locator(".chosen .text").text_content() == chosen
    assert tab.locator(".rejected .text").text_content() == rejected
    old, new = differences(rejected, chosen)
    assert tab.locator(".side.chosen mark").all_text_contents() == marked(new)
    assert tab.locator(".side.rejected mark").all_text_contents() == marked(old)
    verdicts = tab.locator(".verdicts p").all_inner_texts()
    expected = [met for both in zip(row["chosen_met"], row["rejected_met"], strict=True) for met in both]
    assert [verdict.startswith("✓ met") for verdict in verdicts] == expected
    assert all(tab.locator(".verdicts .reason").all_inner_texts())
    assert tab.locator(".verdicts .reason").count() == len(expected)


def marked(parts):
    return [part.text for part in parts if part.differs]


def test_what_a_round_adds_to_the_instruction_is_marked(open_page, contents, rows):
    row = next(row for row in rows["preference"] if row["evolved_by"] == "appended")
    tab = open_page(contents, row["id"])
    added = tab.locator(".round mark.added").all_text_contents()
    assert added == [row["requirements"][-1]["text"]]


def test_marks_are_counted_as_javascript_counts(open_page, contents):
    chains = copy.deepcopy(contents.chains)
    pair = next(chain["pairs"][0] for chain in chains["chains"] if chain["pairs"])
    texts = ["\n 😀 one  two\u2028three 😀😀 ", "😀 one 𝒯𝓌ℴ\nthree 😀\t\U0001f469\u200d\U0001f680 end"]
    for side, text, marks in zip(("rejected", "chosen"), texts, compute_marks(*texts), strict=True):
        pair[side] |= {"text": len(chains["texts"]), "marks": marks}
        chains["texts"].append(text)
    tab = open_page(replace(contents, chains=chains), pair["id"])
    old, new = differences(*texts)
    assert tab.locator(".side.rejected mark").all_text_contents() == marked(old) == ["two", "😀😀"]
    assert tab.locator(".side.chosen mark").all_text_contents() == marked(new)
    assert tab.locator(".side.chosen .text").text_content() == texts[1]


def test_a_chain_opens_from_its_seed_to_its_last_round(open_page, contents, rows):
    chain = max(rows["chains"], key=lambda chain: len(chain["turns"]))
    tab = open_page(contents, chain["pairs"][-1])
    turns = tab.locator(".chain > ol > li")
    assert turns.count() == 1 + chain["rounds"]
    for number, turn in enumerate(chain["turns"]):
        turns.nth(turn["round"]).locator("summary").first.click()
        turns.nth(turn["round"]).locator(".turn").wait_for()
        texts = turns.nth(turn["round"]).locator(".turn > .text, .turn > .answer > .text").all_text_contents()
        assert texts == [turn["instruction"], turn["response"]], number
        before = chain["turns"][max(number - 1, 0)]
        answer = turns.nth(turn["round"]).locator(".turn > .answer mark")
        assert answer.all_text_contents() == marked(differences(before["response"], turn["response"])[1]), number
    tab.get_by_role("link", name="Round 1").click()
    assert address(tab) == f"{chain['id']}-r1"


def test_a_reject_is_shown_with_its_candidates_and_reasons(open_page, contents, rows):
    row = max(rows["rejects"], key=lambda row: len(row["candidates"]))
    tab = open_page(contents, row["id"])
    assert tab.locator(".why b").inner_text() == f"{row['step']}: {row['reason'].replace('_', ' ')}"
    candidates = tab.locator(".round > section .candidates > li")
    assert candidates.count() == len(row["candidates"])
    before = tab.locator(".side.rejected .text").text_content()
    for i, candidate in enumerate(row["candidates"]):
        assert candidates.nth(i).locator(".text").text_content() == candidate["text"]
        assert candidate["detail"] in candidates.nth(i).inner_text()
        marks = candidates.nth(i).locator("mark").all_text_contents()
        assert marks == marked(differences(before, candidate["text"])[1])


def test_each_filter_leaves_the_rows_that_have_the_value(open_page, contents, rows):
    tab = open_page(contents, "rounds")
    every = [*rows["preference"], *rows["rejects"]]
    assert matches(tab) == len(every)
    checks = contents.summary["checks"]
    by_filter = {
        "Class": Counter(row["operation"].split("/")[0] or "none" for row in every),
        "Operation": Counter(row["operation"] or "none" for row in every),
        "Round": Counter(str(row["round"]) for row in every),
        "Checked by": Counter(checks.get(row["operation"], "none") for row in every),
        "Verdict": Counter({"pairs": len(rows["preference"]), "rejects": len(rows["rejects"])}),
        "Route": Counter(
            route
            for row in every
            for route in ({row["adapted_by"]} if "adapted_by" in row else {c["route"] for c in row["candidates"]})
        ),
    }
    for name, counts in by_filter.items():
        for value, number in counts.items():
            choose(tab, name, value)
            assert matches(tab) == number, (name, value)
        choose(tab, name, "")
    assert matches(tab) == len(every)


def test_filters_add_up_and_say_when_nothing_is_left(open_page, contents, rows):
    tab = open_page(contents, "rounds")
    choose(tab, "Class", "style")
    choose(tab, "Verdict", "pairs")
    of_style = [row for row in rows["preference"] if row["operation"].startswith("style/")]
    assert matches(tab) == len(of_style)
    assert tab.locator(".row b").first.inner_text().startswith("style/")
    tab.fill("#search", "nobody wrote this")
    tab.get_by_text("No round matches").wait_for()
    assert matches(tab) == 0
    tab.get_by_role("button", name="Clear filters").click()
    assert matches(tab) == len(rows["preference"]) + len(rows["rejects"])


def test_the_search_looks_at_texts_and_ids(open_page, contents, rows):
    tab = open_page(contents, "rounds")
    row = rows["preference"][3]
    tab.fill("#search", row["id"].upper())
    wait_until(tab, "document.getElementById('matches').value.startsWith('1 of')")
    assert tab.locator(".round .id").inner_text() == row["id"]
    words = row["requirements"][-1]["text"]
    tab.fill("#search", words.upper())
    wait_until(tab, "!document.getElementById('matches').value.startsWith('1 of')")
    having = [r for r in rows["preference"] if any(words.lower() == q["text"].lower() for q in r["requirements"])]
    assert matches(tab) >= len(having) > 0
    assert tab.evaluate("CSS.highlights.get('match').size") > 0


def test_the_keys_move_through_list_and_chain(open_page, contents):
    tab = open_page(contents, "rounds")
    ids = [r["id"] for chain in contents.chains["chains"] for r in in_order(chain)]
    tab.keyboard.press("j")
    tab.keyboard.press("j")
    assert address(tab) == ids[2]
    tab.keyboard.press("k")
    assert address(tab) == ids[1]
    seed = ids[1].partition("-")[0]
    go_to(tab, f"{seed}-r1")
    tab.keyboard.press("ArrowRight")
    assert address(tab) == f"{seed}-r2"
    tab.keyboard.press("ArrowRight")  # the chain ends here
    tab.keyboard.press("ArrowLeft")
    assert address(tab) == f"{seed}-r1"
    tab.keyboard.press("Escape")
    assert address(tab) == "rounds"
    assert tab.evaluate("document.activeElement.id") == "rows"
    tab.keyboard.press("End")
    assert address(tab) == ids[-1]
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowDown")
    assert address(tab) == ids[1]
    active = tab.locator("#rows").get_attribute("aria-activedescendant")
    assert tab.locator(f"#{active}").get_attribute("aria-selected") == "true"
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.id") == "search"
    tab.keyboard.type("jk/")
    assert tab.input_value("#search") == "jk/"
    tab.keyboard.press("Escape")
    assert tab.input_value("#search") == ""
    tab.keyboard.press("Escape")
    assert tab.evaluate("document.activeElement.id") == "rows"


def in_order(chain):
    return sorted([*chain["pairs"], *chain["rejects"]], key=lambda row: row["round"])


def test_the_address_of_a_round_opens_it(open_page, contents, rows):
    row = rows["preference"][-1]
    tab = open_page(contents, row["id"])
    assert tab.locator(".row[aria-selected=true] b").inner_text() == row["operation"]
    choose(tab, "Verdict", "rejects")
    go_to(tab, row["id"])  # a round that the filters leave out
    assert matches(tab) == contents.summary["shown"]
    tab.evaluate("location.hash = 'nothing-like-it'")
    tab.get_by_text("This page has no round nothing-like-it.").wait_for()


def test_a_list_of_thousands_of_rounds_has_few_elements(open_page, contents):
    chains = copy.deepcopy(contents.chains)
    times = 3_000 // contents.summary["shown"] + 1
    chains["chains"] = [renamed(chain, i) for i in range(times) for chain in chains["chains"]]
    tab = open_page(replace(contents, chains=chains), "rounds")
    assert matches(tab) >= 3_000
    assert tab.locator(".row").count() < 40
    tab.locator("#rows").evaluate("box => { box.scrollTop = box.scrollHeight / 2 }")
    wait_until(tab, "Number(document.querySelector('.row').getAttribute('aria-posinset')) > 1000")
    assert tab.locator(".row").count() < 40
    tab.locator("#rows").press("End")
    assert address(tab).startswith(f"{times - 1:016x}")
    assert tab.locator(".row[aria-selected=true]").get_attribute("aria-posinset") == str(matches(tab))


def renamed(chain, number):
    """The chain under an id that only this copy has."""
    text = json.dumps(chain)
    return json.loads(text.replace(chain["id"], f"{number:016x}{chain['id']}"))


def test_on_a_phone_the_list_and_a_round_take_turns(open_page, contents):
    tab = open_page(contents, "rounds", viewport=PHONE)
    assert not tab.locator("#round").is_visible()
    tab.locator(".row", has=tab.locator(".tag.pair")).first.click()
    tab.locator("#round").wait_for()
    assert not tab.locator("#rows").is_visible()
    above, below = (tab.locator(f".side.{side}").bounding_box() for side in ("chosen", "rejected"))
    assert above["y"] + above["height"] <= below["y"]
    assert tab.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    tab.get_by_role("link", name="All rounds").click()
    tab.locator("#rows").wait_for()
    tab.get_by_role("link", name="Overview").click()
    assert tab.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_every_text_stands_out_from_its_background(open_page, contents, rows, colours):
    tab = open_page(contents, colours=colours)
    assert tab.evaluate(FAINT) == []
    for row in (rows["preference"][0], rows["rejects"][0]):
        go_to(tab, row["id"])
        assert tab.evaluate(FAINT) == []
