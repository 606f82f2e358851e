"""Print chains with every verdict, to be read on a terminal or in a file.

    + format/no_commas: Do not use any commas.
        + chosen: met
        - rejected: missed (3 commas)

Seeds and answers are data: nothing in them is taken for markup, and control characters are spelled out.
"""

import sys
from collections.abc import Iterator, Sequence
from io import TextIOWrapper

from rich.console import Console
from rich.text import Text

from ecd_data.core.text import visible
from ecd_data.core.values import EVOLVED, REJECTED, Candidate, Chain, Pair, Reject, Requirement, Ruling, Turn
from ecd_data.core.word_diff import Part, differences

GOOD, BAD, ASIDE = "green", "red", "dim"
LABEL = 13  # columns


def print_chains(chains: Sequence[Chain]) -> None:
    """Print chains to standard output."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # so that a terminal without Unicode still shows everything
    console = Console()  # only `Text` is printed, in which nothing is markup
    width = console.width if console.is_terminal else None
    for chain in chains:
        for line in chain_lines(chain):
            for wrapped in _wrapped(line, console, width):
                console.print(wrapped, soft_wrap=True)
        console.print()


def chain_lines(chain: Chain) -> Iterator[Text]:
    """Yield a chain as lines; each is a paragraph, with a label in its first columns."""
    yield Text(f"seed {chain.seed_id}", "bold")
    turns = {turn.round: turn for turn in chain.turns}
    if seed := turns.get(0):
        yield from _labelled("instruction", seed.instruction)
        yield from _labelled("answer", seed.response)
    hardest_last = sorted(chain.pairs, key=lambda pair: (pair.negative == EVOLVED, -pair.gap))
    outcomes: list[Pair | Reject] = [*{pair.round: pair for pair in hardest_last}.values(), *chain.rejects]
    for outcome in sorted(outcomes, key=lambda outcome: outcome.round):
        yield Text()
        if isinstance(outcome, Reject):
            yield from _reject(outcome)
        else:
            yield from _pair(outcome, _instruction_before(chain, outcome.round), turns[outcome.round])
            for other in (pair for pair in chain.pairs if pair.round == outcome.round and pair is not outcome):
                missed = ", ".join(ruling.requirement for ruling in other.rejected_rulings if not ruling.met)
                name = f"answer {other.gap} turns before" if other.negative == EVOLVED else f"{other.negative} answer"
                yield Text(f"  also with the {name}, which misses {missed}", ASIDE)


def _instruction_before(chain: Chain, round: int) -> str | None:
    """Return the instruction that a round of ECD made harder; chains of other methods have no turn 0."""
    if not chain.turns or chain.turns[0].round:
        return None
    return max((turn for turn in chain.turns if turn.round < round), key=lambda turn: turn.round).instruction


def _pair(pair: Pair, before: str | None, turn: Turn) -> Iterator[Text]:
    facts = f"{pair.operation}, by {pair.adapted_by}, similarity {pair.similarity:.2f}"
    yield Text.assemble((f"round {pair.round}  + pair    ", f"bold {GOOD}"), facts)
    new = pair.instruction if before is None else _marked(differences(before, pair.instruction)[1], "{+", "+}", GOOD)
    yield from _labelled("instruction", new)
    rejected, chosen = differences(pair.rejected, pair.chosen)
    yield from _labelled("rejected", _marked(rejected, "[-", "-]", BAD))
    yield from _labelled("chosen", _marked(chosen, "{+", "+}", GOOD))
    for requirement in pair.requirements:
        yield from _labelled("requirement", f"{requirement.id}: {requirement.text}")
        yield _verdict("chosen", requirement, pair.chosen_rulings)
        yield _verdict("rejected", requirement, pair.rejected_rulings)
    yield from _dropped(turn.candidates)


def _reject(reject: Reject) -> Iterator[Text]:
    title = f"round {reject.round}  - reject  "
    yield Text.assemble((title, f"bold {BAD}"), f"{reject.step}: {reject.reason}  {reject.operation}".rstrip())
    yield from _labelled("instruction", reject.instruction)
    yield from _dropped(reject.candidates)


def _dropped(candidates: Sequence[Candidate]) -> Iterator[Text]:
    for candidate in candidates:
        if candidate.defect not in ("", REJECTED):
            reason = candidate.defect + (f" ({candidate.detail})" if candidate.detail else "")
            yield from _labelled("dropped", f"- {candidate.route}: {reason}", ASIDE)
            yield from _labelled("", " ".join(candidate.text.split()), ASIDE)


def _verdict(side: str, requirement: Requirement, rulings: Sequence[Ruling]) -> Text:
    """Return met or missed, and why; the judge is not asked about an older answer that misses a check of code."""
    ruling = next((ruling for ruling in rulings if ruling.requirement == requirement.id), None)
    if ruling is None:
        return Text(" " * LABEL + f"? {side}: not asked", ASIDE)
    votes = f"{ruling.votes:.0%} of the votes" if requirement.check == "judge" else ""
    reasons = ", ".join(part for part in (votes, visible(" ".join(ruling.reason.split()))) if part)
    mark, word, style = ("+", "met", GOOD) if ruling.met else ("-", "missed", BAD)
    return Text.assemble(" " * LABEL, (f"{mark} {side}: {word}", style), f" ({reasons})" if reasons else "")


def _marked(parts: Sequence[Part], left: str, right: str, style: str) -> Text:
    """Return a text with what differs between marks and in a colour."""
    text = Text()
    for part in parts:
        shown = visible(part.text)
        text.append(f"{left}{shown}{right}" if part.differs else shown, style if part.differs else "")
    return text


def _labelled(label: str, text: Text | str, style: str = "") -> Iterator[Text]:
    """Yield the lines of a text, the first one behind its label."""
    body = Text(visible(text), style) if isinstance(text, str) else text
    for line in body.split("\n", allow_blank=True):
        yield Text.assemble((f"{label:<{LABEL}}", ASIDE), line) if label or line else Text()
        label = ""


def _wrapped(line: Text, console: Console, width: int | None) -> Iterator[Text]:
    """Yield a line in pieces that fit a terminal, indented below its beginning; without a width it stays whole."""
    if width is None or width <= 2 * LABEL or line.cell_len <= width:
        yield line
        return
    label, body = line.divide([LABEL])
    for part in body.wrap(console, width - LABEL):
        part.rstrip()
        yield Text.assemble(label, part)
        label = Text(" " * LABEL)
