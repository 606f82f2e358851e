"""Evolution: I(t) becomes I(t+1), one requirement more, drawn from the taxonomy."""

import re
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from ecd_data.core.request import Grammar, Message, Steps
from ecd_data.core.rng import keyed_rng
from ecd_data.core.templates import read_yaml, render
from ecd_data.core.values import Requirement
from ecd_data.methods.plan import Plan
from ecd_data.methods.task import NoPair, Task
from ecd_data.requirements.grammars import object_schema
from ecd_data.requirements.judge import read_object
from ecd_data.requirements.kinds import check
from ecd_data.requirements.operation import Operation
from ecd_data.requirements.statement import is_stated
from ecd_data.requirements.suitability import compatible, suits
from ecd_data.requirements.taxonomy import CLASSES, class_of

PROMPTS = "ecd_data.methods.prompts"
INVENTED = Grammar("json", object_schema({"requirement": {"type": "string"}, "instruction": {"type": "string"}}))
KEPT_WORDS = 0.8  # share of the old instruction's longer words that a rewritten one must keep
SLACK = 60  # characters that weaving may add beyond the requirement's own sentence
LONGER = re.compile(r"\w{4,}")
NEGATION = re.compile(r"\b(?:not|no|never|without|avoid(?:ing)?|none|neither|nor)\b|n[’']t\b", re.IGNORECASE)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
QUOTED = re.compile(r'"[^"\n]+"|“[^”\n]+”')
MAX_SENTENCE = 300  # characters of an invented requirement; more is an essay, not a requirement


def evolve(task: Task, response: str, plan: Plan, attempt: int = 0) -> Steps[Task]:
    """Return the task made harder by one requirement; a task without an operation gets the one that is drawn.

    A drawn requirement is woven in by the model; when no attempt states it and keeps the rest, its sentence is
    appended. For a judged operation the model invents the requirement as well.

    Args:
        task, response, attempt: as in `draw`.

    Raises:
        NoPair: no operation fits, or the model invented nothing usable.
    """
    operation, requirement = draw(task, response, plan, attempt)
    task = replace(task, operation=task.operation or operation.id)
    if requirement is None:
        return (yield from _invent(operation, task, plan))
    return (yield from _weave(operation, requirement, task, plan))


def check_uncontaminated(task: Task, plan: Plan) -> None:
    """Raise `NoPair` if the task's instruction shares words with an evaluation."""
    if plan.contaminated(task.instruction):
        raise NoPair(task, "evolution", "contaminated")


def draw(task: Task, response: str, plan: Plan, attempt: int = 0) -> tuple[Operation, Requirement | None]:
    """Return the operation of a round, and its requirement where code can check it.

    A class first, then one of its operations, so that a class with many of them does not crowd out the rest. The first
    requirement is taken that the old answer does not meet already: one that it meets would give no negative, and no
    call is spent to learn that. A pure function of the recipe's seed, the task, the response and the attempt.

    Args:
        task: what is asked for so far.
        response: the old answer; where it is empty there is none, and it meets nothing.
        attempt: the number of the draw in a round that has several.

    Raises:
        NoPair: no operation fits.
    """
    rng = keyed_rng(plan.recipe.seed, *task.place, attempt, "operation")
    for kind in rng.sample(CLASSES, len(CLASSES)):
        fitting = [
            operation
            for operation in plan.operations
            if class_of(operation.id) == kind
            and compatible(operation, task.requirements, plan.taxonomy)
            and suits(operation, task.topic, response)
        ]
        for operation in rng.sample(fitting, len(fitting)):
            if operation.check == "judge":
                return operation, None
            requirement = operation.draw(rng, task.round, task.topic)
            if not response or not check(requirement, response).met:
                return operation, requirement
    raise NoPair(task, "evolution", "no_operation")


def _weave(operation: Operation, requirement: Requirement, task: Task, plan: Plan) -> Steps[Task]:
    messages = [*_examples(operation), *_rewriting(task.instruction, requirement.text)]
    # A rewrite that `is_faithful` would accept has at most that many characters, and a token more than two of them.
    longest = (len(task.instruction) + len(requirement.text) + SLACK) // 2
    for attempt in range(plan.recipe.weave):
        request = plan.request(task.place, "weave", attempt, messages)
        (response,) = yield [replace(request, max_tokens=min(longest, request.max_tokens))]
        text = _unwrap(response.answer)
        if response.finish_reason == "stop" and is_faithful(text, task, operation, requirement, plan):
            return _harder(task, text, requirement, "woven")
    return _harder(task, append(task.instruction, requirement.text), requirement, "appended")


def _harder(task: Task, instruction: str, requirement: Requirement, evolved_by: str) -> Task:
    by = "appended" if "appended" in (task.evolved_by, evolved_by) else evolved_by
    return replace(task, instruction=instruction, requirements=(*task.requirements, requirement), evolved_by=by)


@cache
def _examples(operation: Operation) -> list[Message]:
    """General examples and the operation's own, as turns of a conversation."""
    shown = read_yaml(PROMPTS, "weave.yaml")
    messages = [turn for e in shown for turn in _rewriting(e["instruction"], e["requirement"], e["rewritten"])]
    # Not every chat template takes a system message.
    messages[0]["content"] = render(PROMPTS, "weave_task.jinja") + "\n\n" + messages[0]["content"]
    like = operation.example
    wish = operation.sentence(operation.texts[0], {**operation.kwargs, **like.get("kwargs", {})})
    return [*messages, *_rewriting(like["before"], wish, like["after"])]


def _rewriting(instruction: str, requirement: str, rewritten: str = "") -> list[Message]:
    """Return an instruction to rewrite as a user's turn, and its rewritten form, if given, as the assistant's."""
    asked = render(PROMPTS, "weave.jinja", instruction=instruction, requirement=requirement)
    turns: list[Message] = [{"role": "user", "content": asked}]
    return [*turns, {"role": "assistant", "content": rewritten}] if rewritten else turns


def _invent(operation: Operation, task: Task, plan: Plan) -> Steps[Task]:
    prompt = render(
        PROMPTS, "evolve.jinja", operation=operation, instruction=task.instruction, in_force=task.requirements
    )
    for attempt in range(max(1, plan.recipe.weave)):
        request = plan.request(task.place, "evolve", attempt, [{"role": "user", "content": prompt}])
        (response,) = yield [replace(request, grammar=INVENTED)]
        answer = read_object(response)
        try:
            sentence, instruction = answer["requirement"].strip(), answer["instruction"].strip()
        except (KeyError, AttributeError):
            continue
        if not re.search(r"\w", sentence) or len(sentence) > MAX_SENTENCE or "\n" in sentence:
            continue
        requirement = Requirement(operation.id, sentence, {}, "judge", task.round)
        if instruction != task.instruction and is_faithful(instruction, task, operation, requirement, plan):
            return _harder(task, instruction, requirement, "woven")
        return _harder(task, append(task.instruction, sentence), requirement, "appended")
    raise NoPair(task, "evolution", "no_instruction")


def append(instruction: str, sentence: str) -> str:
    """Return the instruction with a sentence behind it, in its own paragraph where it could pass for source text."""
    if "\n" in instruction or ":" in instruction:
        return f"{instruction}\n\n{sentence}"
    return f"{instruction}{'' if instruction[-1] in '.!?:' else '.'} {sentence}"


def _unwrap(text: str) -> str:
    """Return a rewritten instruction without the label or quotation marks that a model may put around it."""
    text = re.sub(r"\A(?:rewritten |new |revised )?instruction:\s*", "", text.strip(), flags=re.IGNORECASE)
    return re.sub(r'\A"([^"]*)"\Z', r"\1", text).strip()


def is_faithful(text: str, task: Task, operation: Operation, requirement: Requirement, plan: Plan) -> bool:
    """Return whether a rewritten instruction still asks for all that the task does and states the requirement too.

    Parameters and key words of code-checked requirements must be there; of a judged one, and of the instruction
    itself, most of the longer words. A rewrite that is much longer has been carried out rather than rewritten.
    """
    if len(text) > len(task.instruction) + len(requirement.text) + SLACK:
        return False
    old, new = _features(task.instruction), _features(text)
    if text.count("\n") > task.instruction.count("\n") or _kept(old, new) < KEPT_WORDS:
        return False
    # "Use the word X" must not become "without the word X", nor the other way round.
    if new.negations != old.negations + _features(requirement.text).negations:
        return False
    # The words of the task were compared without short ones; "12 apples" must not become "15 apples".
    if old.exact - new.exact:
        return False
    if requirement.check == "code" and is_stated(operation, requirement, task.instruction):
        return False  # what the old instruction says already proves nothing about the new one
    for asked, stated_by in [(requirement, operation), *((r, plan.taxonomy[r.id]) for r in task.requirements)]:
        code = asked.check == "code"
        if not (is_stated(stated_by, asked, text) if code else _kept(_features(asked.text), new) >= KEPT_WORDS):
            return False
    return True


class _Features(NamedTuple):
    """What is compared of two instructions: longer words, the number of negations, numbers and quotations."""

    words: set[str]
    negations: int
    exact: Counter[str]


def _features(text: str) -> _Features:
    exact = Counter([*NUMBER.findall(text), *QUOTED.findall(text)])
    return _Features(set(LONGER.findall(text.casefold())), len(NEGATION.findall(text)), exact)


def _kept(old: _Features, new: _Features) -> float:
    """Share of the longer words of `old` that `new` has too."""
    return len(old.words & new.words) / len(old.words) if old.words else 1.0
