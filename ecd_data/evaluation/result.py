"""The result of an evaluation, which `--json` writes and `--against` compares with.

It is plain data: the model, the data, the settings, defects and length of the answers, the accuracy over each part of
the prompts, and a row for each prompt with its answer and scores, so that anything else can be computed from it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from ecd_data.core.errors import EvaluationError
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import Model
from ecd_data.evaluation.answering import ScoredAnswer
from ecd_data.evaluation.data import Data
from ecd_data.evaluation.scores import accuracies, accuracy_differences

FORMAT = 1
Result = dict[str, Any]


def make_result(
    data: Data, model: Model, judge: Model | None, sampling: Recipe, answers: Sequence[ScoredAnswer]
) -> Result:
    """Return the result of an evaluation.

    Args:
        judge: that voted, if one did.
        sampling: temperature and length of the answers.
        answers: to all tasks of the data, in their order.

    Raises:
        EvaluationError: no requirement could be scored.
    """
    rows = [_row(answer) for answer in answers]
    left_out = Counter(
        requirement.left_out
        for answer in answers
        for requirement, score in zip(answer.task.requirements, answer.scores, strict=True)
        if score is None
    )
    if not _has_scores(rows):
        reasons = "; ".join(f"{reason} ({count})" for reason, count in left_out.items())
        raise EvaluationError(f"{data.name}: none of its requirements can be scored: {reasons}. See --judge-endpoint.")
    return {
        "format": FORMAT,
        "model": asdict(model),
        "judge": asdict(judge) if judge else None,
        "data": {name: getattr(data, name) for name in ("name", "revision", "config", "split", "sha256")},
        "settings": {"temperature": sampling.temperature, "max_tokens": sampling.max_tokens},
        "left_out": dict(left_out),
        "answers": {
            "defects": dict(Counter(defect for answer in answers for defect in answer.defects)),
            "mean_words": round(fmean(len(answer.text.split()) for answer in answers), 2),
        },
        "accuracy": [asdict(measures) for measures in accuracies(rows)],
        "rows": rows,
    }


def _row(answer: ScoredAnswer) -> dict[str, Any]:
    task = answer.task
    return {
        "id": task.id,
        "key": task.key,
        "cluster": task.cluster,
        "answer": answer.text,
        "defects": list(answer.defects),
        "requirements": [
            {"name": requirement.name, "strict": score and score[0], "loose": score and score[1]}
            for requirement, score in zip(task.requirements, answer.scores, strict=True)
        ],
    }


def _has_scores(rows: Iterable[Mapping[str, Any]]) -> bool:
    return any(requirement["strict"] is not None for row in rows for requirement in row["requirements"])


def write_result(path: Path, result: Result) -> None:
    """Write a result as JSON."""
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_result(path: Path) -> Result:
    """Return a result that was written before.

    Raises:
        EvaluationError: the file is not one.
    """
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{path}: cannot be read ({error}). Give a file written by --json.") from error
    if not isinstance(result, dict) or result.get("format") != FORMAT:
        raise EvaluationError(f"{path}: is not a result of this version: write it again with --json.")
    return result


def compare(result: Result, other: Result) -> dict[str, Any]:
    """Return how much more a result meets than another one on the same prompts, by the requirements scored in both.

    It is plain data: the other's `model`, and the `difference` over each part.

    Raises:
        EvaluationError: the results are of different prompts, or no requirement was scored in both.
    """
    other_rows = {row["key"]: row for row in other["rows"]}
    shared = [row for row in result["rows"] if row["key"] in other_rows]
    if not len(shared) == len(result["rows"]) == len(other_rows):
        raise EvaluationError(
            f"the results cannot be compared: {len(shared)} prompts are in both, of {len(result['rows'])} here and "
            f"{len(other_rows)} in the other. Evaluate both on the same data, --split and --limit."
        )
    rows = [_without_unscored(row, other_rows[row["key"]]) for row in shared]
    others = [_without_unscored(other_rows[row["key"]], row) for row in shared]
    if not _has_scores(rows):
        raise EvaluationError("the results cannot be compared: no requirement was scored in both.")
    differences = accuracy_differences(rows, others)
    return {"model": other["model"], "difference": [asdict(measures) for measures in differences]}


def _without_unscored(row: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row without the scores that another row of the same prompt lacks."""
    requirements = zip(row["requirements"], other["requirements"], strict=True)
    return {
        **row,
        "requirements": [
            scores if other_scores["strict"] is not None else {**scores, "strict": None}
            for scores, other_scores in requirements
        ],
    }


def newly_met(before: Result, after: Result) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return both rows of prompts of which one result meets no requirement, and the other all, with a sound answer."""
    return [
        (row, row_after)
        for row, row_after in zip(before["rows"], after["rows"], strict=True)
        if not row_after["defects"]
        and all(requirement["strict"] for requirement in row_after["requirements"])
        and not any(requirement["strict"] for requirement in row["requirements"])
    ]
