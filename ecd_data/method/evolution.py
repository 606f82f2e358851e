"""Evolution: I(t) becomes I(t+1), one requirement more, drawn from the taxonomy."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple

import yaml

from ecd_data.method.plan import Plan
from ecd_data.request import Grammar, Message, Steps
from ecd_data.requirements.checks import check
from ecd_data.requirements.taxonomy import CLASSES, Operation, compatible, is_stated, suits
from ecd_data.rng import keyed
from ecd_data.templates import render
from ecd_data.values import Requirement, Seed, Turn

EVOLVED = Grammar(
    "json",
    {
        "type": "object",
        "properties": {"requirement": {"type": "string"}, "instruction": {"type": "string"}},
        "required": ["requirement", "instruction"],
        "additionalProperties": False,
    },
)
KEPT_WORDS = 0.8  # share of the old instruction's longer words that a rewritten one must keep
SLACK = 60  # characters that weaving may add beyond the requirement's own sentence
LONGER = re.compile(r"\w{4,}")
NEGATION = re.compile(r"\b(?:not|no|never|without|avoid(?:ing)?|none|neither|nor)\b|n[’']t\b", re.IGNORECASE)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
QUOTED = re.compile(r'"[^"\n]+"|“[^”\n]+”')
MAX_SENTENCE = 300  # characters of an invented requirement; more is an essay, not a requirement

Evolved = tuple[str, Requirement, str]  # I(t+1), what was added, and how


def draw(
    seed: Seed, turn: Turn, round: int, plan: Plan, attempt: int = 0
) -> tuple[Operation, Requirement | None] | None:
    """The operation of a round, with its requirement where code can check it; `None` when nothing fits.

    A class first, then one of its operations, so that a class with many of them does not crowd out the rest. The first
    requirement is taken that the old answer does not meet already: one that it meets would give no negative, and no
    call is spent to learn that; a turn without an answer yet meets nothing. A function of (recipe seed, seed_id,
    round, attempt) and the turn alone; `attempt` counts the draws of a round that has several.
    """
    rng = keyed(plan.recipe.seed, seed.seed_id, round, attempt, "operation")
    for kind in rng.sample(CLASSES, len(CLASSES)):
        fitting = [
            operation
            for operation in plan.by_class[kind]
            if compatible(operation, turn.requirements, plan.taxonomy)
            and suits(operation, seed.instruction, turn.response)
        ]
        for operation in rng.sample(fitting, len(fitting)):
            if operation.check == "judge":
                return operation, None
            requirement = operation.draw(rng, round, seed.instruction)
            if not turn.response or not check(requirement, turn.response).met:
                return operation, requirement
    return None


def evolve(
    seed_id: str, turn: Turn, round: int, operation: Operation, requirement: Requirement | None, plan: Plan
) -> Steps[Evolved | None]:
    """Asks for I(t+1); returns (instruction, requirement, `woven` or `appended`), or `None` when nothing came of it.

    A drawn requirement is woven in by the model; when no attempt states it and keeps the rest, its sentence is
    appended. For a judged operation the model invents the requirement as well.
    """
    if requirement is None:
        return (yield from _invent(seed_id, turn, round, operation, plan))
    messages = _weave_messages(turn.instruction, operation, requirement)
    # A rewrite that `_states` would accept has at most that many characters, and a token more than two of them.
    longest = (len(turn.instruction) + len(requirement.text) + SLACK) // 2
    for attempt in range(plan.recipe.weave):
        (response,) = yield [plan.request("weave", seed_id, round, attempt, messages, max_tokens=longest)]
        text = _unwrap(response.answer)
        if response.finish_reason == "stop" and _states(text, turn, operation, requirement, plan):
            return text, requirement, "woven"
    return append(turn.instruction, requirement.text), requirement, "appended"


def _weave_messages(instruction: str, operation: Operation, requirement: Requirement) -> list[Message]:
    """General examples, the operation's own, then the task, as turns of a conversation."""
    return [*_examples(operation), *_rewriting(instruction, requirement.text)]


@cache
def _examples(operation: Operation) -> list[Message]:
    text = (resources.files("ecd_data.method.prompts") / "weave.yaml").read_text(encoding="utf-8")
    shown = yaml.safe_load(text)
    messages = [turn for e in shown for turn in _rewriting(e["instruction"], e["requirement"], e["rewritten"])]
    # Not every chat template takes a system message.
    messages[0]["content"] = render("ecd_data.method.prompts", "weave_task.jinja") + "\n\n" + messages[0]["content"]
    like = operation.example
    wish = operation.sentence(operation.texts[0], {**operation.kwargs, **like.get("kwargs", {})})
    return [*messages, *_rewriting(like["before"], wish, like["after"])]


def _rewriting(instruction: str, requirement: str, rewritten: str = "") -> list[Message]:
    """An instruction to rewrite as the user's turn, and the rewritten one, where there is one, as the assistant's."""
    asked = render("ecd_data.method.prompts", "weave.jinja", instruction=instruction, requirement=requirement)
    turns: list[Message] = [{"role": "user", "content": asked}]
    return [*turns, {"role": "assistant", "content": rewritten}] if rewritten else turns


def _invent(seed_id: str, turn: Turn, round: int, operation: Operation, plan: Plan) -> Steps[Evolved | None]:
    prompt = render(
        "ecd_data.method.prompts",
        "evolve.jinja",
        operation=operation,
        instruction=turn.instruction,
        in_force=turn.requirements,
    )
    for attempt in range(max(1, plan.recipe.weave)):
        messages: list[Message] = [{"role": "user", "content": prompt}]
        (response,) = yield [plan.request("evolve", seed_id, round, attempt, messages, grammar=EVOLVED)]
        try:
            answer = json.loads(response.answer)
            sentence, instruction = answer["requirement"].strip(), answer["instruction"].strip()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
        if not re.search(r"\w", sentence) or len(sentence) > MAX_SENTENCE or "\n" in sentence:
            continue
        requirement = Requirement(operation.id, sentence, {}, "judge", round)
        if instruction != turn.instruction and _states(instruction, turn, operation, requirement, plan):
            return instruction, requirement, "woven"
        return append(turn.instruction, sentence), requirement, "appended"
    return None


def append(instruction: str, sentence: str) -> str:
    """The instruction with a sentence behind it; as a paragraph of its own where it could pass for source text."""
    if "\n" in instruction or ":" in instruction:
        return f"{instruction}\n\n{sentence}"
    return f"{instruction}{'' if instruction[-1] in '.!?:' else '.'} {sentence}"


def _unwrap(text: str) -> str:
    """A rewritten instruction without a label or quotation marks that a model likes to put around it."""
    text = re.sub(r"\A(?:rewritten |new |revised )?instruction:\s*", "", text.strip(), flags=re.IGNORECASE)
    whole = re.fullmatch(r'"([^"]*)"', text, re.DOTALL)
    return (whole[1] if whole else text).strip()


def _states(text: str, turn: Turn, operation: Operation, requirement: Requirement, plan: Plan) -> bool:
    """Whether a rewritten instruction still asks for all it did and now states the requirement too.

    Parameters and key words of code-checked requirements must be there; of a judged one, and of the instruction
    itself, most of the longer words. A rewrite that is much longer has been carried out rather than rewritten.
    """
    if len(text) > len(turn.instruction) + len(requirement.text) + SLACK:
        return False
    old, new = _read(turn.instruction), _read(text)
    if text.count("\n") > turn.instruction.count("\n") or _kept(old, new) < KEPT_WORDS:
        return False
    # "Use the word X" must not become "without the word X", nor the other way round.
    if new.negations != old.negations + _read(requirement.text).negations:
        return False
    # The words of the task were compared without short ones; "12 apples" must not become "15 apples".
    if old.exact - new.exact:
        return False
    if requirement.check == "code" and is_stated(operation, requirement, turn.instruction):
        return False  # what the old instruction says already proves nothing about the new one
    for asked, stated_by in [(requirement, operation), *((r, plan.taxonomy[r.id]) for r in turn.requirements)]:
        code = asked.check == "code"
        if not (is_stated(stated_by, asked, text) if code else _kept(_read(asked.text), new) >= KEPT_WORDS):
            return False
    return True


class _Read(NamedTuple):
    """What is compared of two instructions: longer words, the number of negations, numbers and quotations."""

    words: set[str]
    negations: int
    exact: Counter[str]


@lru_cache(maxsize=64)  # a rewritten instruction is the next round's old one
def _read(text: str) -> _Read:
    exact = Counter([*NUMBER.findall(text), *QUOTED.findall(text)])
    return _Read(set(LONGER.findall(text.casefold())), len(NEGATION.findall(text)), exact)


def _kept(old: _Read, new: _Read) -> float:
    """Share of the longer words of `old` that `new` has too."""
    return len(old.words & new.words) / len(old.words) if old.words else 1.0
