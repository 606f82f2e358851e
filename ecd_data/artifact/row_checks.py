"""Checks of one row at a time that no schema can make: verdicts by code, votes, similarity, id, model and split.

Each function yields what is wrong, in words; `row_name` says of which row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from typing import Any

from ecd_data.artifact.schema import configs
from ecd_data.artifact.statistics import RANKING
from ecd_data.core.recipe import recipe_from_dict
from ecd_data.core.request import Model
from ecd_data.core.values import EVOLVED, Requirement, RowId, Verdict
from ecd_data.corpus.groups import split_of
from ecd_data.methods import METHODS, options_of
from ecd_data.methods.likeness import similarity
from ecd_data.methods.method import Method
from ecd_data.methods.teacher import TEACHER, Comparison, distribution, teacher_scores
from ecd_data.requirements.kinds import check
from ecd_data.requirements.taxonomy import load_taxonomy

ANSWERS = ("preference", "sft")  # configs whose rows name the model of an answer, of several that there may be
CACHED_VERDICTS = 128  # with their texts: a chosen answer is the rejected one of the next round
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Expected:
    """The facts in a manifest that rows are checked against.

    method, rounds, splits, seed: of the recipe.
    model: the one that rows name where they do not name that of an answer.
    models: all of the build.
    judged: whether a judge's votes were used.
    alpha, teacher: weight of the likelihoods in the teacher's scores, and its model, where there are rankings.
    """

    method: Method
    rounds: int
    splits: Mapping[str, float]
    seed: int
    model: str
    models: frozenset[str]
    judged: bool
    alpha: float = 0.0
    teacher: str = ""

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> Expected:
        """Return the facts in a manifest.

        Raises:
            TypeError, ValueError, LookupError: it lacks a part, or has it in another form.
        """
        recipe, judge = manifest["recipe"], manifest["judge"]
        method = METHODS[str(recipe["builder"])]
        model = str(Model(**manifest["model"]))
        models = {name: str(Model(**values)) for name, values in manifest["models"].items()}
        is_ranked = RANKING in configs(method.name)
        return cls(
            method=method,
            rounds=int(recipe["rounds"]),
            splits=dict(recipe["splits"]),
            seed=recipe["seed"],
            model=model,
            models=frozenset({model, *models.values()}),
            judged=judge is not None and judge["used"] is True,
            alpha=float(options_of(recipe_from_dict(recipe)).alpha) if is_ranked else 0.0,
            teacher=models[TEACHER] if is_ranked else "",
        )


def row_name(config: str, split: str, id_: object) -> str:
    """Return how messages name a row."""
    return f"{config}/{split} row {id_!r}"


def row_problems(config: str, split: str, row: Row, expected: Expected, is_chosen: bool) -> Iterator[str]:
    """Yield what is wrong with a row that validates against its schema.

    Args:
        is_chosen: whether the answer of a row of `sft` is the chosen one of a pair, and checked there.
    """
    if (rejected_model := row.get("rejected_model", expected.model)) not in expected.models:
        yield f"rejected_model is {rejected_model!r}, which is not in the manifest"
    if row["model"] not in (expected.models if config in ANSWERS else {expected.model}):
        yield f"model is {row['model']!r}, but the manifest says {expected.model!r}"
    if config == "chains":
        if split != (right_split := split_of(row["group"], expected.splits, expected.seed)):
            yield f"its group belongs in {right_split}"
        return
    id_ = RowId(row["seed_id"], row["round"], row.get("gap", 1), row.get("negative", EVOLVED))
    if row["id"] != str(id_) and not (config == "ties" and row["id"].startswith(f"{id_.round_id}-t")):
        yield f"its id is not one of seed {row['seed_id']} and round {row['round']}"
    if "requirements" in row:
        yield from requirement_problems(row, expected.judged)
        yield from operation_problems(row, expected.method)
    if config == "preference":
        yield from pair_problems(row)
    elif config == "ties":
        yield from tie_problems(row)
    elif config == RANKING:
        yield from ranking_problems(row, expected.alpha, expected.teacher)
    elif config == "sft" and not is_chosen:
        met = [True] * len(row["requirements"])
        yield from verdict_problems("completion", row["completion"][0]["content"], row["requirements"], met)


def requirement_problems(row: Row, judged: bool) -> Iterator[str]:
    """Yield how the requirements of a row contradict the taxonomy, or use a judge although no votes were `judged`."""
    for requirement in row["requirements"]:
        operation = load_taxonomy().get(requirement["id"])
        if operation is None:
            yield f"requirement {requirement['id']!r} is not in the taxonomy"
        elif (requirement["check"] == "judge") != (operation.check == "judge"):
            yield f"requirement {requirement['id']!r} is marked as checked by {requirement['check']}, which it is not"
        elif requirement["check"] == "judge" and not judged:
            yield f"requirement {requirement['id']!r} is judged, but by the manifest no judge's votes were used"


def operation_problems(row: Row, method: Method) -> Iterator[str]:
    """Yield whether the operation of a row is wrong: ECD's is the newest requirement, another method has its own."""
    if not method.evolves:
        if row["operation"].partition("/")[0] != method.name:
            yield f"operation {row['operation']!r} is not one of {method.name}"
        return
    newest = row["requirements"][-1] if row["requirements"] else {"id": "", "round": 0}
    if (row["operation"], row["round"]) != (newest["id"], newest["round"]):
        yield f"operation {row['operation']!r} of round {row['round']} is not its newest requirement"


def pair_problems(row: Row, sides: tuple[str, str] = ("chosen", "rejected")) -> Iterator[str]:
    """Yield what a row of `preference`, or of `ties` by its `sides`, says wrongly of its two answers."""
    one, other = (row[side][0]["content"] for side in sides)
    if one == other:
        yield f"{' and '.join(sides)} are the same"
    if row["similarity"] != (measured := similarity(one, other)):
        yield f"similarity is {row['similarity']}, but that of {' and '.join(sides)} is {measured}"
    if "negative" in row and (row["gap"] > 0) != (row["negative"] == EVOLVED):
        yield f"gap {row['gap']} does not fit the negative {row['negative']!r}"
    if {len(row[f"{side}_{field}"]) for side in sides for field in ("met", "votes")} != {len(row["requirements"])}:
        yield "requirements, verdicts and votes differ in number"
        return
    for i, requirement in enumerate(row["requirements"]):
        for side in sides:
            met, votes = row[f"{side}_met"][i], row[f"{side}_votes"][i]
            if met != (votes > 0.5) or (requirement["check"] == "code" and votes not in (0.0, 1.0)):
                yield f"{side} is marked met={met} for {requirement['id']}, but its share of votes is {votes}"
    for side, text in zip(sides, (one, other), strict=True):
        yield from verdict_problems(side, text, row["requirements"], row[f"{side}_met"])


def tie_problems(row: Row) -> Iterator[str]:
    """Yield what a row of `ties` says wrongly of its two answers, or differently of each."""
    yield from pair_problems(row, ("first", "second"))
    if row["first_met"] != row["second_met"]:
        yield "first and second do not miss the same requirements, so they are not a tie"


def ranking_problems(row: Row, alpha: float, teacher: str) -> Iterator[str]:
    """Yield what a row of `ranking` says wrongly of its responses, and which numbers do not follow from the teacher's.

    Args:
        alpha: weight of the likelihoods in the teacher's scores, from 0 to 1.
        teacher: the model that the manifest names.
    """
    answers, requirements = [answer[0]["content"] for answer in row["responses"]], row["requirements"]
    number = len(answers)
    if len(set(answers)) < number:
        yield "two responses are the same"
    if row["teacher"] != teacher:
        yield f"teacher is {row['teacher']!r}, but the manifest says {teacher!r}"
    if row["operation"] != f"pad/{row['method']}":
        yield f"operation is {row['operation']!r}, but the method is {row['method']!r}"
    shown = sorted((c["first"], c["second"]) for c in row["comparisons"])
    if shown != sorted(permutations(range(number), 2)) * (alpha < 1):
        yield "comparisons are not of every two responses in both orders"
        return
    lengths = {len(row[name]) for name in ("teacher_scores", "preference", "met", "votes")}
    if lengths != {number} or len(row["likelihoods"]) != number * (alpha > 0):
        yield "responses, scores, shares and verdicts differ in number"
        return
    scores = teacher_scores([Comparison(**c) for c in row["comparisons"]], row["likelihoods"], alpha, number)
    if row["teacher_scores"] != scores:
        yield f"teacher_scores are {row['teacher_scores']}, but comparisons and likelihoods give {scores}"
    if row["preference"] != (preference := distribution(row["teacher_scores"])):
        yield f"preference is {row['preference']}, but teacher_scores give {preference}"
    for i, (answer, met, votes) in enumerate(zip(answers, row["met"], row["votes"], strict=True)):
        if not len(met) == len(votes) == len(requirements):
            yield f"response {i}: requirements, verdicts and votes differ in number"
            continue
        if met != [share > 0.5 for share in votes]:
            yield f"response {i} is marked met={met}, but its shares of votes are {votes}"
        yield from verdict_problems(f"response {i}", answer, requirements, met)


def verdict_problems(name: str, text: str, requirements: Sequence[Row], met: Sequence[bool]) -> Iterator[str]:
    """Check an answer with code again, and yield the verdicts of its row that differ.

    Args:
        name: how messages name the answer.
        met: the row's verdicts, in the order of the requirements.
    """
    for requirement, marked in zip(requirements, met, strict=True):
        operation = load_taxonomy().get(requirement["id"])
        if requirement["check"] != "code" or operation is None or operation.check == "judge":
            continue
        try:
            verdict = _verdict(requirement["id"], requirement["kwargs"], text)
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            yield f"{requirement['id']}: its kwargs do not fit the check ({error})"
            continue
        if verdict.met != marked:
            yield f"{name} is marked met={marked} for {requirement['id']}, but: {verdict.reason}"


@lru_cache(CACHED_VERDICTS)
def _verdict(operation: str, kwargs: str, text: str) -> Verdict:
    return check(Requirement(operation, "", json.loads(kwargs), "code", 0), text)
