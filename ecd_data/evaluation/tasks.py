"""Evaluation tasks: prompts, each with the requirements that an answer has to meet.

A row of an ECD dataset (`prompt`, `requirements`) or one in IFEval's format becomes a `Task`:

{"key": 1, "prompt": "Name a fruit. Use no commas.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecd_data.core.errors import EvaluationError
from ecd_data.core.hashing import canonical_json, sha256
from ecd_data.core.request import Message
from ecd_data.core.values import Requirement
from ecd_data.evaluation.ifbench import ifbench_scorer
from ecd_data.requirements.ifeval import check_loose, ifeval_requirement
from ecd_data.requirements.kinds import check
from ecd_data.requirements.taxonomy import load_taxonomy

Score = tuple[bool, bool]  # whether a requirement is met: strictly, loosely (IFEval, arXiv:2311.07911)
Row = Mapping[str, Any]

ECD_COLUMNS = {"prompt", "requirements"}
IFEVAL_COLUMNS = {"prompt", "instruction_id_list", "kwargs"}
NEEDS_JUDGE, NO_CHECK = "needs a judge", "no check for it"  # why a requirement is not scored


@dataclass(frozen=True)
class TaskRequirement:
    """A requirement on the answer to a task, and how it is scored.

    name: an operation's id (`style/no_commas`), or IFEval's or IFBench's id (`punctuation:no_comma`).
    kwargs: its parameters.
    score: scores an answer that is not empty; `None` where code cannot.
    judged: the requirement to put to a judge, where code cannot score it.
    left_out: why it is not scored, unless by a judge.
    """

    name: str
    kwargs: Mapping[str, Any]
    score: Callable[[str], Score] | None = None
    judged: Requirement | None = None
    left_out: str = ""


@dataclass(frozen=True)
class Task:
    """A prompt with its requirements.

    id: of its row.
    key: hash of the prompt and its requirements, the same in every dataset.
    cluster: shared by tasks that are not independent of each other, such as the rounds of one seed.
    """

    id: str
    key: str
    cluster: str
    messages: tuple[Message, ...]
    requirements: tuple[TaskRequirement, ...]

    @property
    def prompt_key(self) -> str:
        """Hash of the prompt alone."""
        return sha256(canonical_json([*self.messages]))[:16]

    @property
    def instruction(self) -> str:
        """The last message."""
        return self.messages[-1]["content"]


def read_tasks(rows: Iterable[Row], columns: Iterable[str], where: str) -> list[Task]:
    """Return the tasks of a dataset, in its order and without repetitions of a prompt with the same requirements.

    Args:
        rows: the rows.
        columns: their columns, which show the format.
        where: how messages name the dataset.

    Raises:
        EvaluationError: the columns fit neither format, or a row cannot be used; the message names it.
    """
    columns = set(columns)
    if columns >= IFEVAL_COLUMNS:
        read = _ifeval_task
    elif columns >= ECD_COLUMNS:
        read = _ecd_task
    else:
        raise EvaluationError(
            f"{where} has the columns {', '.join(sorted(columns)) or '(none)'}: an evaluation needs those of an ECD "
            "dataset (prompt, requirements; its config `preference` has them: --config preference) or of IFEval's "
            "format (prompt, instruction_id_list, kwargs)."
        )
    tasks: dict[str, Task] = {}
    for number, row in enumerate(rows, 1):
        id_ = str(next((row[name] for name in ("key", "id") if row.get(name) is not None), number))
        try:
            task = read(id_, row)
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise EvaluationError(f"{where}, row {id_}: cannot be used ({reason}). Fix or remove it.") from error
        tasks.setdefault(task.key, task)
    return list(tasks.values())


def _ecd_task(id_: str, row: Row) -> Task:
    stored = [Requirement(**{**each, "kwargs": _decoded(each["kwargs"])}) for each in row["requirements"]]
    return _task(id_, row, [_ecd_requirement(requirement) for requirement in stored], row.get("seed_id"))


def _ifeval_task(id_: str, row: Row) -> Task:
    prompt = _messages(row["prompt"])[-1]["content"]
    requirements = [
        # A table fills the columns of other kinds with nothing.
        _ifeval_requirement(name, {key: value for key, value in (kwargs or {}).items() if value is not None}, prompt)
        for name, kwargs in zip(row["instruction_id_list"], _decoded(row["kwargs"]), strict=True)
    ]
    return _task(id_, row, requirements)


def _task(id_: str, row: Row, requirements: Sequence[TaskRequirement], cluster: str | None = None) -> Task:
    if not requirements:
        raise ValueError("it has no requirements")
    messages = _messages(row["prompt"])
    names = [[requirement.name, requirement.kwargs] for requirement in requirements]
    key = sha256(canonical_json([messages, names]))[:16]
    return Task(id_, key, str(cluster or key), tuple(messages), tuple(requirements))


def _ecd_requirement(requirement: Requirement) -> TaskRequirement:
    operation, name, kwargs = load_taxonomy().get(requirement.id), requirement.id, requirement.kwargs
    if operation is None:
        return TaskRequirement(name, kwargs, left_out=NO_CHECK)
    if operation.check == "judge":
        return TaskRequirement(name, kwargs, judged=requirement, left_out=NEEDS_JUDGE)
    return TaskRequirement(name, kwargs, _scorer(requirement))


def _ifeval_requirement(name: str, kwargs: Mapping[str, Any], prompt: str) -> TaskRequirement:
    if requirement := ifeval_requirement(name, kwargs):
        return TaskRequirement(name, kwargs, _scorer(requirement))
    score, missing = ifbench_scorer(name, kwargs, prompt)
    return TaskRequirement(name, kwargs, score, left_out="" if score else missing or NO_CHECK)


def _scorer(requirement: Requirement) -> Callable[[str], Score]:
    check(requirement, "Yes.")  # raises for parameters that do not fit, before anything is asked

    def score(text: str) -> Score:
        strict = check(requirement, text).met
        return strict, strict or check_loose(requirement, text).met

    return score


def _messages(prompt: Any) -> list[Message]:
    if isinstance(prompt, str):
        prompt = [{"role": "user", "content": prompt}]
    messages: list[Message] = [{"role": message["role"], "content": message["content"]} for message in prompt]
    if not messages or not all(isinstance(text, str) for message in messages for text in message.values()):
        raise TypeError("the prompt is neither text nor a chat")
    return messages


def _decoded(value: Any) -> Any:
    """Return a value that some datasets keep as JSON text."""
    return json.loads(value) if isinstance(value, str) else value
