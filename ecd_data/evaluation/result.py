"""The result of an evaluation: what `--json` writes, and what `--against` compares with.

It is plain data: who answered, the data, the settings, how the answers are, the accuracy of each part, and a row for
each prompt with the answer and the score of each requirement, so that anything else can be computed from it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from ecd_data.core.errors import EvaluationError
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import Model
from ecd_data.evaluation.answering import Outcome
from ecd_data.evaluation.data import Data
from ecd_data.evaluation.scores import difference_lines, score_lines

FORMAT = 1
Result = dict[str, Any]


def make_result(
    data: Data, model: Model, judge: Model | None, settings: Recipe, outcomes: Sequence[Outcome]
) -> Result:
    """The result of answers to all tasks of the data.

    Raises:
        EvaluationError: no requirement could be scored.
    """
    rows = [_row(outcome) for outcome in outcomes]
    left_out = Counter(
        demand.left_out
        for outcome in outcomes
        for demand, score in zip(outcome.task.demands, outcome.scores, strict=True)
        if score is None
    )
    if all(each["strict"] is None for row in rows for each in row["requirements"]):
        reasons = "; ".join(f"{reason} ({count})" for reason, count in left_out.items())
        raise EvaluationError(f"{data.name}: none of its requirements can be scored: {reasons}. See --judge-endpoint.")
    return {
        "format": FORMAT,
        "model": asdict(model),
        "judge": asdict(judge) if judge else None,
        "data": {**{name: getattr(data, name) for name in ("name", "revision", "config", "split", "sha256")}},
        "settings": {"temperature": settings.temperature, "max_tokens": settings.max_tokens},
        "left_out": dict(left_out),
        "answers": {
            "defects": dict(Counter(defect for outcome in outcomes for defect in outcome.defects)),
            "mean_words": round(fmean(len(outcome.answer.split()) for outcome in outcomes), 2),
        },
        "accuracy": [asdict(line) for line in score_lines(rows)],
        "rows": rows,
    }


def _row(outcome: Outcome) -> dict[str, Any]:
    task = outcome.task
    return {
        "id": task.id,
        "key": task.key,
        "cluster": task.cluster,
        "answer": outcome.answer,
        "defects": list(outcome.defects),
        "requirements": [
            {"name": demand.name, "strict": score and score[0], "loose": score and score[1]}
            for demand, score in zip(task.demands, outcome.scores, strict=True)
        ],
    }


def write_result(path: Path, result: Result) -> None:
    """Writes a result as JSON."""
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_result(path: Path) -> Result:
    """A result that was written before.

    Raises:
        EvaluationError: the file is none.
    """
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{path}: cannot be read ({error}). Give a file that --json has written.") from error
    if not isinstance(result, dict) or result.get("format") != FORMAT:
        raise EvaluationError(f"{path}: is no result of this version: write it again with --json.")
    return result


def compare(result: Result, other: Result) -> dict[str, Any]:
    """How much more a result meets than another one on the same prompts, by the requirements scored in both.

    It is plain data: the other's model, and the `difference` of each part.

    Raises:
        EvaluationError: they are of different prompts.
    """
    theirs = {row["key"]: row for row in other["rows"]}
    shared = [row for row in result["rows"] if row["key"] in theirs]
    if not len(shared) == len(result["rows"]) == len(theirs):
        raise EvaluationError(
            f"the results cannot be compared: {len(shared)} prompts are in both, of {len(result['rows'])} here and "
            f"{len(theirs)} in the other. Evaluate both on the same data, --split and --limit."
        )
    pairs = [_masked(row, theirs[row["key"]]) for row in shared]
    if all(each["strict"] is None for row, _ in pairs for each in row["requirements"]):
        raise EvaluationError("the results cannot be compared: no requirement was scored in both.")
    lines = difference_lines([row for row, _ in pairs], [row for _, row in pairs])
    return {"model": other["model"], "difference": [asdict(line) for line in lines]}


def _masked(row: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Both rows without the scores of requirements that one of them does not have."""
    scored = [
        ours["strict"] is not None and theirs["strict"] is not None
        for ours, theirs in zip(row["requirements"], other["requirements"], strict=True)
    ]

    def masked(row: Mapping[str, Any]) -> dict[str, Any]:
        kept = zip(row["requirements"], scored, strict=True)
        return {**row, "requirements": [each if keep else {**each, "strict": None} for each, keep in kept]}

    return masked(row), masked(other)
