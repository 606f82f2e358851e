"""A preview shows each verdict, asks what the real run asks, and lets no text command the terminal."""

import io
import re
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.calls.scheduler import ModelSource
from ecd_data.core.recipe import recipe_from_dict
from ecd_data.core.text import visible
from ecd_data.core.values import Candidate, Chain, Pair, Reject, Requirement, Ruling, Turn
from ecd_data.generation.generation import Usage
from ecd_data.progress import preview
from ecd_data.progress.numbers import Price
from ecd_data.progress.preview import Preview, chain_lines, forecast, run_preview
from ecd_data.progress.run import Watch
from tests.helpers.building import chains_of
from tests.helpers.scripted import MODEL, RECIPE, ScriptedPool, scripted

NO_COMMAS = Requirement("style/no_commas", "Do not use any commas.", {}, "code", 1)
KIND = Requirement("style/tone", "Sound kind.", {}, "judge", 2)
FIRST = Turn(0, "", "Name fruits.", "Figs, plums.", (), (), "seed", "fresh")
TRIED = (
    Candidate("edit", 0, "Figs,\nplums!", "unmet", "style/no_commas: 1 commas"),
    Candidate("fresh", 0, "Figs", ""),
)


def made(first=FIRST, chosen="Figs and plums.", reason="1 commas", tried=TRIED):
    """A chain with a pair of each gap and a reject."""
    second = replace(
        first, round=1, operation="style/no_commas", instruction=first.instruction + " No commas.", response=chosen
    )
    second = replace(second, requirements=(NO_COMMAS,), adapted_by="edit", candidates=tried)
    pair = Pair(
        seed_id="abc",
        round=1,
        gap=1,
        operation="style/no_commas",
        instruction=second.instruction,
        chosen=second.response,
        rejected=first.response,
        requirements=(NO_COMMAS, KIND),
        chosen_rulings=(Ruling("style/no_commas", 1.0, "0 commas"), Ruling("style/tone", 2 / 3, "It is.")),
        rejected_rulings=(Ruling("style/no_commas", 0.0, reason),),
        similarity=0.75,
        evolved_by="woven",
        adapted_by="edit",
    )
    easier = replace(pair, gap=2)
    reject = Reject("abc", 2, "elimination", "unmet", "format/title", "Name fruits.", tried[:1])
    return Chain("abc", "g", (first, second), (pair, easier), (reject,))


def text_of(chain):
    return "\n".join(line.plain for line in chain_lines(chain))


def test_a_chain_is_shown_with_every_verdict():
    assert text_of(made()) == (
        """\
seed abc
instruction  Name fruits.
answer       Figs, plums.

round 1  + pair    style/no_commas, by edit, similarity 0.75
instruction  Name fruits. {+No commas.+}
rejected     [-Figs,-] plums.
chosen       {+Figs and+} plums.
requirement  style/no_commas: Do not use any commas.
             + chosen: met (0 commas)
             - rejected: missed (1 commas)
requirement  style/tone: Sound kind.
             + chosen: met (67% of the votes, It is.)
             ? rejected: not asked
dropped      - edit: unmet (style/no_commas: 1 commas)
             Figs, plums!
  also with the answer 2 turns before, which misses style/no_commas

round 2  - reject  elimination: unmet  format/title
instruction  Name fruits.
dropped      - edit: unmet (style/no_commas: 1 commas)
             Figs, plums!"""
    )


def test_a_seed_that_never_began_is_its_reject():
    reject = Reject("abc", 0, "seed", "only_url", "", "https://a.b")
    assert text_of(Chain("abc", "g", (), (), (reject,))) == (
        "seed abc\n\nround 0  - reject  seed: only_url\ninstruction  https://a.b"
    )


def printed(monkeypatch, chain, *, terminal=False, width=60, encoding="utf-8", **variables):
    """What `show` writes, byte for byte."""
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(out, "isatty", lambda: terminal, raising=False)
    for name, value in {"TERM": "xterm-256color", "COLUMNS": str(width), **variables}.items():
        monkeypatch.setenv(name, value)
    preview.show(Preview(None, [chain]), None)
    return raw.getvalue().decode(encoding)


@pytest.fixture(autouse=True)
def no_forecast(monkeypatch, request):
    if "monkeypatch" in request.fixturenames and "make_generation" not in request.fixturenames:
        for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(preview, "forecast", lambda *_: "forecast")


HOSTILE = "[bold red]loud[/bold red] [/] \x1b]0;title\x07\x1b[2J\x9b31m \r\b\x00\u202eback\u2028 :smile: \ud800"


def test_answers_are_neither_markup_nor_commands_to_the_terminal(monkeypatch):
    first = replace(FIRST, instruction=HOSTILE, response=f"one {HOSTILE}")
    tried = (replace(TRIED[0], text=HOSTILE, detail=HOSTILE),)
    chain = made(first, chosen=f"two {HOSTILE}", reason=HOSTILE, tried=tried)
    for terminal in (False, True):
        out = printed(monkeypatch, chain, terminal=terminal, width=400, NO_COLOR="1")
        assert out.count("[bold red]loud[/bold red] [/]") >= 8
        assert ":smile:" in out
        assert "[U+001B]]0;title[U+0007][U+001B][2J[U+009B]31m [U+000D][U+0008][U+0000][U+202E]back[U+2028]" in out
        assert (
            set(re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]", re.sub(r"\x1b\[[0-9]*m", "", out))) == set()
        )


@given(st.text(st.characters(), max_size=200))
def test_no_text_reaches_the_terminal_raw(text):
    shown = visible(text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    shown.encode()
    lines = text_of(made(replace(FIRST, instruction=text, response=text), reason=text))
    assert all(char.isprintable() or char in "\n\t" or ord(char) > 0x9F for char in lines)


def test_colours_are_for_terminals_that_want_them(monkeypatch):
    assert "\x1b[32m+ chosen: met\x1b[0m" in printed(monkeypatch, made(), terminal=True)
    assert "\x1b[31m- rejected: missed\x1b[0m" in printed(monkeypatch, made(), terminal=True)
    for plain in (
        printed(monkeypatch, made(), terminal=True, NO_COLOR="1"),
        printed(monkeypatch, made(), terminal=False),
    ):
        assert not re.search(r"\x1b\[3\d", plain)
        assert "+ chosen: met" in plain
        assert "{+Figs and+} plums." in plain


def test_a_terminal_wraps_under_the_beginning_and_a_pipe_keeps_lines(monkeypatch):
    chain = made(replace(FIRST, response="a fig, " + "or a plum " * 20))
    wrapped = printed(monkeypatch, chain, terminal=True, NO_COLOR="1")
    assert all(len(line) <= 60 for line in re.sub(r"\x1b\[[0-9]*m", "", wrapped).splitlines())
    assert "\n             or a plum" in re.sub(r"\x1b\[[0-9]*m", "", wrapped).replace("\r", "")
    assert f"answer       a fig, {'or a plum ' * 20}".rstrip() in printed(monkeypatch, chain, width=60)


def test_an_output_without_unicode_still_shows_everything(monkeypatch):
    chain = made(replace(FIRST, response="Žluťoučký kůň, 🐎"))
    assert "\\u017dlu\\u0165" in printed(monkeypatch, chain, encoding="ascii")


@pytest.fixture
def previewed(make_generation):
    """Previews the first seeds of a generation; returns the preview and what was asked for it."""

    def make(first, **changes):
        endpoint = ScriptedPool()
        with Watch() as watch:
            return run_preview(make_generation(endpoint, **changes), first, watch), endpoint

    return make


def test_a_preview_asks_what_the_real_run_asks_and_that_asks_only_for_the_rest(previewed, make_generation):
    made, before = previewed(3)
    endpoint = ScriptedPool()
    generation = make_generation(endpoint)
    chains = chains_of(generation)
    assert made.chains == chains[:3]
    assert {request.seed_id for request in before.requests} == {chain.seed_id for chain in chains[:3]}
    assert {request.seed_id for request in endpoint.requests} == {chain.seed_id for chain in chains[3:]}
    assert sum(usage.calls for usage in made.usages) == len(before.requests)


def test_the_trial_of_the_judge_is_asked_and_counted_once(previewed):
    recipe = recipe_from_dict({**RECIPE.to_dict(), "operations": ["content/*"], "judge_items": 20})
    made, endpoint = previewed(20, recipe=recipe)
    assert len(made.trial) == 20
    calls = re.search(r"^  calls +([\d,]+)$", forecast(made, None), re.MULTILINE)
    assert int(calls[1]) == len(endpoint.requests)


def test_a_preview_of_everything_is_certain(previewed):
    made, endpoint = previewed(50)
    answers = [scripted(request) for request in endpoint.requests]
    pairs = sum(len(chain.pairs) for chain in made.chains)
    prompt, completion = (sum(getattr(a, f"{kind}_tokens") for a in answers) for kind in ("prompt", "completion"))
    said = re.sub(r"time for the rest .*", "", forecast(made, Price(1e6, 2e6)))
    assert re.findall(r"^  (\S.*?)  +(.*)$", said, re.MULTILINE) == [
        ("calls", str(len(answers))),
        ("prompt tokens", f"{prompt:,}"),
        ("completion tokens", f"{completion:,}"),
        ("pairs", str(pairs)),
        ("cost", f"{prompt + 2 * completion:,.2f}"),
    ]


class Of:
    """As much of a generation as a forecast needs."""

    source = ModelSource(MODEL, ScriptedPool())

    def __init__(self, seeds, **recipe):
        self.corpus = type("Corpus", (), {"seeds": [None] * seeds})
        self.recipe = recipe_from_dict({**RECIPE.to_dict(), **recipe})


def test_the_forecast_has_a_range_and_counts_the_trial_once():
    usages = [Usage(10, 100, 50), Usage(20, 100, 50)]
    chains = [made(), Chain("b", "g", (), (), ())]
    of = Preview(Of(100), chains, usages, [Usage(3, 30, 3)] * 20, calls_per_second=2.0)
    assert forecast(of, Price(1, 10)).splitlines() == [
        "all 100 seeds, if they are like the first 2",
        "  calls              1,560 (90 to 7,851)",
        "  prompt tokens      10,600 (too few to tell how far off)",
        "  completion tokens  5,060 (too few to tell how far off)",
        "  pairs              100 (2 to 1,358)",
        "  time for the rest  0:12:15 (0:00:00 to 1:04:41) at 2.0 calls/s; with more chains it may be faster",
        "  cost               0.061 (too few to tell how far off)",
    ]


def test_one_chain_is_too_few_and_a_replay_measures_no_time():
    said = forecast(Preview(Of(100, max_share={"repair": 0.5}), [made()], [Usage(10, 100, 50)]), None)
    assert re.search(r"calls +1,000 \(too few to tell how far off\)", said)
    assert re.search(r"pairs before max_share +200 \(too few", said)
    assert re.search(r"time for the rest +not measured: the store had every answer", said)
    assert "cost" not in said
