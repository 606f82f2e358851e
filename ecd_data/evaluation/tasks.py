"""What is evaluated: prompts, each with the requirements that an answer has to meet.

A row of an ECD dataset (`prompt`, `requirements`) or one in IFEval's format becomes a `Task`:

{"key": 1, "prompt": "Name a fruit. Use no commas.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
"""

from __future__ import annotations

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

Score = tuple[bool, bool]  # met: strict, loose
Row = Mapping[str, Any]

ECD_COLUMNS = {"prompt", "requirements"}
IFEVAL_COLUMNS = {"prompt", "instruction_id_list", "kwargs"}
JUDGE, UNKNOWN = "needs a judge", "no check for it"


@dataclass(frozen=True)
class Demand:
    """One requirement on an answer.

    name: an operation's id (`style/no_commas`), or IFEval's or IFBench's id (`punctuation:no_comma`).
    score: what code says of an answer that is not empty; `None` when code cannot tell.
    judged: what a judge is asked instead.
    left_out: why nobody can tell, if so.
    """

    name: str
    score: Callable[[str], Score] | None = None
    judged: Requirement | None = None
    left_out: str = ""


@dataclass(frozen=True)
class Task:
    """A prompt with its requirements.

    id: what the data call it.
    key: hash of the prompt and its requirements, the same in every dataset that has them.
    cluster: tasks that are not independent of each other share it: the rounds of one seed.
    """

    id: str
    key: str
    cluster: str
    messages: tuple[Message, ...]
    demands: tuple[Demand, ...]

    @property
    def prompt_key(self) -> str:
        """Hash of the prompt alone."""
        return sha256(canonical_json([*self.messages]))[:16]

    @property
    def instruction(self) -> str:
        """What the user asks for in the end."""
        return self.messages[-1]["content"]


def read_tasks(rows: Iterable[Row], columns: Iterable[str], where: str) -> list[Task]:
    """The tasks of a dataset, in its order; a prompt that is there again with the same requirements is left out.

    Args:
        rows: the rows.
        columns: their columns, which say what kind of dataset it is.
        where: what the data are called in messages.

    Raises:
        EvaluationError: the columns are of neither kind, or a row cannot be used; the message names it.
    """
    there = set(columns)
    if there >= IFEVAL_COLUMNS:
        read = _ifeval_task
    elif there >= ECD_COLUMNS:
        read = _ecd_task
    else:
        raise EvaluationError(
            f"{where} has the columns {', '.join(sorted(there)) or '(none)'}: an evaluation needs those of an ECD "
            "dataset (prompt, requirements; its config `preference` has them: --config preference) or of IFEval's "
            "format (prompt, instruction_id_list, kwargs)."
        )
    tasks: dict[str, Task] = {}
    for number, row in enumerate(rows, 1):
        id_ = str(next((row[name] for name in ("key", "id") if row.get(name) is not None), number))
        try:
            task = read(id_, row)
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise EvaluationError(f"{where}, row {id_}: cannot be used ({said}). Mend it or leave it out.") from error
        tasks.setdefault(task.key, task)
    return list(tasks.values())


def _ecd_task(id_: str, row: Row) -> Task:
    asked = [Requirement(**{**each, "kwargs": _plain(each["kwargs"])}) for each in row["requirements"]]
    return _task(id_, row, [(r.id, r.kwargs, _ecd_demand(r)) for r in asked], row.get("seed_id"))


def _ifeval_task(id_: str, row: Row) -> Task:
    names, given = row["instruction_id_list"], [_given(each) for each in _plain(row["kwargs"])]
    prompt = _messages(row["prompt"])[-1]["content"]
    asked = [(name, kwargs, _ifeval_demand(name, kwargs, prompt)) for name, kwargs in zip(names, given, strict=True)]
    return _task(id_, row, asked, None)


def _task(id_: str, row: Row, asked: Sequence[tuple[str, Mapping[str, Any], Demand]], cluster: Any) -> Task:
    if not asked:
        raise ValueError("it has no requirement")
    messages = _messages(row["prompt"])
    key = sha256(canonical_json([messages, [[name, kwargs] for name, kwargs, _ in asked]]))[:16]
    return Task(id_, key, str(cluster or key), tuple(messages), tuple(demand for *_, demand in asked))


def _ecd_demand(requirement: Requirement) -> Demand:
    operation = load_taxonomy().get(requirement.id)
    if operation is None:
        return Demand(requirement.id, left_out=UNKNOWN)
    if operation.check == "judge":
        return Demand(requirement.id, judged=requirement, left_out=JUDGE)
    return Demand(requirement.id, _scorer(requirement))


def _ifeval_demand(name: str, kwargs: Mapping[str, Any], prompt: str) -> Demand:
    if requirement := ifeval_requirement(name, kwargs):
        return Demand(name, _scorer(requirement))
    score, missing = ifbench_scorer(name, kwargs, prompt)
    return Demand(name, score, left_out="" if score else missing or UNKNOWN)


def _scorer(requirement: Requirement) -> Callable[[str], Score]:
    check(requirement, "Yes.")  # parameters that do not fit are found before anything is asked

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


def _given(kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Without the columns that a table fills with nothing."""
    return {name: value for name, value in (kwargs or {}).items() if value is not None}


def _plain(value: Any) -> Any:
    """What some datasets keep as JSON text."""
    return json.loads(value) if isinstance(value, str) else value
