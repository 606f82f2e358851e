"""Chains are printed with each verdict, and no text in them commands the terminal."""

import io
import re
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.core.text import visible
from ecd_data.core.values import Candidate, Chain, Pair, Reject, Requirement, Ruling, Turn
from ecd_data.progress.chain_view import chain_lines, print_chains

NO_COMMAS = Requirement("style/no_commas", "Do not use any commas.", {}, "code", 1)
KIND = Requirement("style/tone", "Sound kind.", {}, "judge", 2)
FIRST = Turn(0, "", "Name fruits.", "Figs, plums.", (), (), "seed", "fresh")
TRIED = (
    Candidate("edit", 0, "Figs,\nplums!", "unmet", "style/no_commas: 1 commas"),
    Candidate("fresh", 0, "Figs", ""),
)


def chain_with_verdicts(first=FIRST, chosen="Figs and plums.", reason="1 commas", tried=TRIED):
    """Return a chain with pairs of two gaps and a reject."""
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
    assert text_of(chain_with_verdicts()) == (
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


@pytest.fixture
def printed(monkeypatch):
    """Returns what `print_chains` writes, byte for byte."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)

    def print_to_buffer(chain, *, terminal=False, width=60, encoding="utf-8", **variables):
        raw = io.BytesIO()
        out = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(out, "isatty", lambda: terminal, raising=False)
            for name, value in {"TERM": "xterm-256color", "COLUMNS": str(width), **variables}.items():
                patch.setenv(name, value)
            print_chains([chain])
        return raw.getvalue().decode(encoding)

    return print_to_buffer


HOSTILE = "[bold red]loud[/bold red] [/] \x1b]0;title\x07\x1b[2J\x9b31m \r\b\x00\u202eback\u2028 :smile: \ud800"


def test_answers_are_neither_markup_nor_commands_to_the_terminal(printed):
    first = replace(FIRST, instruction=HOSTILE, response=f"one {HOSTILE}")
    tried = (replace(TRIED[0], text=HOSTILE, detail=HOSTILE),)
    chain = chain_with_verdicts(first, chosen=f"two {HOSTILE}", reason=HOSTILE, tried=tried)
    for terminal in (False, True):
        out = printed(chain, terminal=terminal, width=400, NO_COLOR="1")
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
    lines = text_of(chain_with_verdicts(replace(FIRST, instruction=text, response=text), reason=text))
    assert all(char.isprintable() or char in "\n\t" or ord(char) > 0x9F for char in lines)


def test_colours_are_for_terminals_that_want_them(printed):
    assert "\x1b[32m+ chosen: met\x1b[0m" in printed(chain_with_verdicts(), terminal=True)
    assert "\x1b[31m- rejected: missed\x1b[0m" in printed(chain_with_verdicts(), terminal=True)
    for plain in (
        printed(chain_with_verdicts(), terminal=True, NO_COLOR="1"),
        printed(chain_with_verdicts(), terminal=False),
    ):
        assert not re.search(r"\x1b\[3\d", plain)
        assert "+ chosen: met" in plain
        assert "{+Figs and+} plums." in plain


def test_a_terminal_wraps_under_the_beginning_and_a_pipe_keeps_lines(printed):
    chain = chain_with_verdicts(replace(FIRST, response="a fig, " + "or a plum " * 20))
    wrapped = printed(chain, terminal=True, NO_COLOR="1")
    assert all(len(line) <= 60 for line in re.sub(r"\x1b\[[0-9]*m", "", wrapped).splitlines())
    assert "\n             or a plum" in re.sub(r"\x1b\[[0-9]*m", "", wrapped).replace("\r", "")
    assert f"answer       a fig, {'or a plum ' * 20}".rstrip() in printed(chain, width=60)


def test_an_output_without_unicode_still_shows_everything(printed):
    chain = chain_with_verdicts(replace(FIRST, response="Žluťoučký kůň, 🐎"))
    assert "\\u017dlu\\u0165" in printed(chain, encoding="ascii")
