"""The preview: the chains of the first seeds with every verdict, and what the whole corpus would take.

    + format/no_commas: Do not use any commas.
        + chosen: met
        - rejected: missed (3 commas)

Seeds and answers are data: nothing in them is taken for markup, and control characters are shown, not sent.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from io import TextIOWrapper

from rich.console import Console
from rich.text import Text

from ecd_data.core.text import two_columns, visible
from ecd_data.core.values import EVOLVED, Candidate, Chain, Pair, Reject, Requirement, Ruling, Turn
from ecd_data.core.word_diff import Part, differences
from ecd_data.generation.generation import Generation, Usage
from ecd_data.progress.extrapolation import Estimate, total
from ecd_data.progress.line import duration, money
from ecd_data.progress.numbers import Price
from ecd_data.progress.run import Watch
from ecd_data.progress.summary import judge_verdict

GOOD, BAD, ASIDE = "green", "red", "dim"
LABEL = 13  # columns


@dataclass
class Preview:
    """The first chains of a generation, what each took, and what each question of the judge's trial took.

    `calls_per_second` is the endpoint's over these chains; `None` when the store had all answers.
    """

    generation: Generation
    chains: list[Chain] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)
    trial: list[Usage] = field(default_factory=list)
    calls_per_second: float | None = None


def run_preview(generation: Generation, first: int, watch: Watch) -> Preview:
    """Run the chains of the `first` seeds just as the whole generation would, so that the store serves that one.

    Raises:
        EcdError: see `Generation.prepare`.
    """
    preview = Preview(generation)

    def on_result(result: object, usage: Usage) -> None:
        watch.result(result, usage)
        (preview.usages if isinstance(result, Chain) else preview.trial).append(usage)

    corpus = replace(generation.corpus, seeds=generation.corpus.seeds[:first])
    listener = replace(generation.listener, on_result=on_result)
    prepared = replace(generation, corpus=corpus, listener=listener).prepare()
    if prepared.trial:
        watch.say(judge_verdict(prepared.trial.judge, generation.recipe))
    preview.chains += [done.result for done in prepared.chains()]
    preview.calls_per_second = watch.mean_rate
    return preview


def show(preview: Preview, price: Price | None) -> None:
    """Prints a preview to standard output."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal without Unicode still gets to see everything
    console = Console()  # it gets Text alone, in which nothing is markup
    width = console.width if console.is_terminal else None
    for chain in preview.chains:
        for line in chain_lines(chain):
            for wrapped in _wrapped(line, console, width):
                console.print(wrapped, soft_wrap=True)
        console.print()
    print(forecast(preview, price))


def chain_lines(chain: Chain) -> Iterator[Text]:
    """A chain as lines to print; each is a paragraph, with a label in its first columns."""
    yield Text(f"seed {chain.seed_id}", "bold")
    turns = {turn.round: turn for turn in chain.turns}
    if first := turns.get(0):
        yield from _labelled("instruction", first.instruction)
        yield from _labelled("answer", first.response)
    by_gap = sorted(chain.pairs, key=lambda pair: (pair.negative == EVOLVED, -pair.gap))
    outcomes: list[Pair | Reject] = [*{pair.round: pair for pair in by_gap}.values(), *chain.rejects]
    for outcome in sorted(outcomes, key=lambda outcome: outcome.round):
        yield Text()
        if isinstance(outcome, Reject):
            yield from _reject(outcome)
        else:
            yield from _pair(outcome, _before(chain, outcome.round), turns[outcome.round])
            for other in (pair for pair in chain.pairs if pair.round == outcome.round and pair is not outcome):
                missed = ", ".join(ruling.requirement for ruling in other.rejected_rulings if not ruling.met)
                what = f"answer {other.gap} turns before" if other.negative == EVOLVED else f"{other.negative} answer"
                yield Text(f"  also with the {what}, which misses {missed}", ASIDE)


def _before(chain: Chain, round: int) -> str | None:
    """The instruction that a round of ECD made harder; those of other methods begin with none of a turn 0."""
    if not chain.turns or chain.turns[0].round:
        return None
    return max((turn for turn in chain.turns if turn.round < round), key=lambda turn: turn.round).instruction


def _pair(pair: Pair, before: str | None, turn: Turn) -> Iterator[Text]:
    made = f"{pair.operation}, by {pair.adapted_by}, similarity {pair.similarity:.2f}"
    yield Text.assemble((f"round {pair.round}  + pair    ", f"bold {GOOD}"), made)
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
        if candidate.defect not in ("", "rejected"):
            why = candidate.defect + (f" ({candidate.detail})" if candidate.detail else "")
            yield from _labelled("dropped", f"- {candidate.route}: {why}", ASIDE)
            yield from _labelled("", " ".join(candidate.text.split()), ASIDE)


def _verdict(side: str, requirement: Requirement, rulings: Sequence[Ruling]) -> Text:
    """Met or missed, and why: an older answer that code fails is not put to the judge."""
    ruling = next((ruling for ruling in rulings if ruling.requirement == requirement.id), None)
    if ruling is None:
        return Text(" " * LABEL + f"? {side}: not asked", ASIDE)
    reason = f"{ruling.votes:.0%} of the votes" if requirement.check == "judge" else ""
    reasons = ", ".join(part for part in (reason, visible(" ".join(ruling.reason.split()))) if part)
    mark, word, style = ("+", "met", GOOD) if ruling.met else ("-", "missed", BAD)
    return Text.assemble(" " * LABEL, (f"{mark} {side}: {word}", style), f" ({reasons})" if reasons else "")


def _marked(parts: Sequence[Part], left: str, right: str, style: str) -> Text:
    """The text with what differs between marks and in a colour."""
    text = Text()
    for part in parts:
        said = visible(part.text)
        text.append(f"{left}{said}{right}" if part.differs else said, style if part.differs else "")
    return text


def _labelled(label: str, text: Text | str, style: str = "") -> Iterator[Text]:
    """The lines of a text, the first one behind its label."""
    body = Text(visible(text), style) if isinstance(text, str) else text
    for line in body.split("\n", allow_blank=True):
        yield Text.assemble((f"{label:<{LABEL}}", ASIDE), line) if label or line else Text()
        label = ""


def _wrapped(line: Text, console: Console, width: int | None) -> Iterator[Text]:
    """On a terminal, what is too long goes on under its beginning; elsewhere a line stays a line."""
    if width is None or width <= 2 * LABEL or line.cell_len <= width:
        yield line
        return
    label, body = line.divide([LABEL])
    for part in body.wrap(console, width - LABEL):
        part.rstrip()
        yield Text.assemble(label, part)
        label = Text(" " * LABEL)


def forecast(preview: Preview, price: Price | None) -> str:
    """What the whole corpus would take, as a table."""
    first, size = len(preview.chains), len(preview.generation.corpus.seeds)
    used, recipe = preview.usages, preview.generation.recipe

    def estimate(of: Callable[[Usage], float]) -> Estimate:
        return total([of(usage) for usage in used], size).changed(plus=sum(map(of, preview.trial)))

    calls = estimate(lambda usage: usage.calls)
    rows: dict[str, object] = {
        "calls": _range(calls),
        "prompt tokens": _range(estimate(lambda usage: usage.prompt_tokens)),
        "completion tokens": _range(estimate(lambda usage: usage.completion_tokens)),
        "pairs before max_share" if recipe.max_share else "pairs": _range(
            total([len(chain.pairs) for chain in preview.chains], size)
        ),
    }
    if preview.calls_per_second:
        asked = sum(usage.calls for usage in (*used, *preview.trial))
        rate = preview.calls_per_second
        rest = calls.changed(plus=-asked).changed(times=1 / rate)
        pool = preview.generation.source.pool
        slow = pool and first < pool.capacity and "; with more chains it may be faster"
        rows["time for the rest"] = f"{_range(rest, duration)} at {rate:,.1f} calls/s{slow or ''}"
    else:
        rows["time for the rest"] = "not measured: the store had every answer"
    if price:
        cost = estimate(lambda usage: price.of(usage.prompt_tokens, usage.completion_tokens))
        rows["cost"] = _range(cost, money)
    return f"all {size:,} seeds, if they are like the first {first}\n{two_columns(rows)}"


def _range(estimate: Estimate, spelled: Callable[[float], str] = lambda number: f"{number:,.0f}") -> str:
    expected = spelled(estimate.expected)
    if estimate.low is None or estimate.high is None:
        return f"{expected} (too few to tell how far off)"
    if estimate.low == estimate.high:
        return expected
    return f"{expected} ({spelled(estimate.low)} to {spelled(estimate.high)})"
