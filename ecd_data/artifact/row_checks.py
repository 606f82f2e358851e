"""What a row claims, checked again: verdicts by code, votes, similarity, ids, and that all rows of a round agree.

Each function yields what is wrong, in words; the caller says of which row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ecd_data.core.values import EVOLVED, REJECTED, Requirement, RowId, Verdict
from ecd_data.methods import METHODS
from ecd_data.methods.likeness import similarity
from ecd_data.requirements.kinds import check
from ecd_data.requirements.taxonomy import load_taxonomy

REMEMBERED = 128  # verdicts, with their texts: a chosen answer is the rejected one of the next round
Row = Mapping[str, Any]


def pair_problems(row: Row, sides: tuple[str, str] = ("chosen", "rejected")) -> Iterator[str]:
    """A row of `preference`, or of `ties` by its `sides`: what it says of its two answers."""
    one, other = (row[side][0]["content"] for side in sides)
    if one == other:
        yield f"{' and '.join(sides)} are the same"
    if row["similarity"] != (found := similarity(one, other)):
        yield f"similarity is {row['similarity']}, but {' and '.join(sides)} have {found}"
    if "negative" in row and (row["gap"] > 0) != (row["negative"] == EVOLVED):
        yield f"gap {row['gap']} is of no {row['negative']} negative"
    if {len(row[f"{side}_{of}"]) for side in sides for of in ("met", "votes")} != {len(row["requirements"])}:
        yield "requirements, verdicts and votes differ in number"
        return
    for i, stored in enumerate(row["requirements"]):
        for side in sides:
            met, votes = row[f"{side}_met"][i], row[f"{side}_votes"][i]
            if met != (votes > 0.5) or (stored["check"] == "code" and votes not in (0.0, 1.0)):
                yield f"{side} is marked met={met} for {stored['id']}, but its share of votes is {votes}"
    for side, text in zip(sides, (one, other), strict=True):
        yield from verdict_problems(side, text, row["requirements"], row[f"{side}_met"])


def tie_problems(row: Row) -> Iterator[str]:
    """A row of `ties`: what it says of its two answers, and that it says the same of both."""
    yield from pair_problems(row, ("first", "second"))
    if row["first_met"] != row["second_met"]:
        yield "first and second do not miss the same requirements, so they are no tie"


def verdict_problems(side: str, text: str, requirements: Sequence[Row], met: Sequence[bool]) -> Iterator[str]:
    """The code checks of an answer's requirements, run again, against the verdicts that the row gives."""
    for stored, marked in zip(requirements, met, strict=True):
        operation = load_taxonomy().get(stored["id"])
        if stored["check"] != "code" or operation is None or operation.check == "judge":
            continue
        try:
            verdict = _verdict(stored["id"], stored["kwargs"], text)
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            yield f"{stored['id']}: its kwargs do not fit the check ({error})"
            continue
        if verdict.met != marked:
            yield f"{side} is marked met={marked} for {stored['id']}, but: {verdict.reason}"


@lru_cache(REMEMBERED)
def _verdict(operation: str, kwargs: str, text: str) -> Verdict:
    return check(Requirement(operation, "", json.loads(kwargs), "code", 0), text)


def requirement_problems(row: Row, judged: bool) -> Iterator[str]:
    """The requirements of a row against the taxonomy; `judged`: the build has a judge whose votes are used."""
    for stored in row["requirements"]:
        operation = load_taxonomy().get(stored["id"])
        if operation is None:
            yield f"requirement {stored['id']!r} is not in the taxonomy"
        elif (stored["check"] == "judge") != (operation.check == "judge"):
            yield f"requirement {stored['id']!r} is marked as checked by {stored['check']}, which it is not"
        elif stored["check"] == "judge" and not judged:
            yield f"requirement {stored['id']!r} is judged, but by the manifest no judge's votes are used"


def operation_problems(row: Row, builder: str) -> Iterator[str]:
    """The operation of a row: ECD's is the newest requirement, that of another builder one of its own."""
    if not METHODS[builder].evolves:
        if row["operation"].partition("/")[0] != builder:
            yield f"operation {row['operation']!r} is none of {builder}"
        return
    newest = row["requirements"][-1] if row["requirements"] else {"id": "", "round": 0}
    if (row["operation"], row["round"]) != (newest["id"], newest["round"]):
        yield f"operation {row['operation']!r} of round {row['round']} is not its newest requirement"


def chain_problems(chain: Row, rounds: int, builder: str) -> Iterator[str]:
    """A row of `chains`: it attempted all rounds, or one if it never began, and has the turns of its pairs."""
    pairs, evolves = [RowId.parse(id_) for id_ in chain["pairs"]], METHODS[builder].evolves
    # In a method that evolves, each round with a pair has one with the answer before it; in others, any will do.
    with_pair = [id_.round_id for id_ in pairs if not evolves or str(id_) == id_.round_id]
    with_pair = with_pair if evolves else list(dict.fromkeys(with_pair))
    began = chain["turns"] or not (evolves or RowId(chain["id"], 0).round_id in chain["rejects"])
    planned = range(1, rounds + 1) if began else [0]
    if sorted([*with_pair, *chain["rejects"]]) != sorted(RowId(chain["id"], n).round_id for n in planned):
        named = ", ".join([*with_pair, *chain["rejects"]]) or "none"
        yield f"its pairs and rejects ({named}) are not one for each round"
    if chain["rounds"] != len(planned):
        yield f"says {chain['rounds']} rounds instead of {len(planned)}"
    for id_ in sorted(set(chain["pairs"]) - digests_from_chain(chain, builder)["preference"].keys()):
        yield f"has no turns of its pair {id_!r}"


def row_digest(config: str, row: Row) -> int:
    """Return a hash of what a row says that its chain says too; within one process, as Python's hashes are salted."""
    if config == "preference":
        return _digest(row["prompt"][0]["content"], [row["chosen"][0]["content"], row["rejected"][0]["content"]], row)
    if config == "sft":
        return _digest(row["prompt"][0]["content"], [row["completion"][0]["content"]], row)
    return 0  # a chain has no more than the id of a reject


def digests_from_chain(chain: Row, builder: str) -> dict[str, dict[str, int]]:
    """Return the same, by config and id, from a row of `chains`."""
    turns = {turn["round"]: turn for turn in chain["turns"]}
    pairs = {}
    for text in chain["pairs"]:
        id_ = RowId.parse(text)
        turn = turns.get(id_.round)
        rejected = None if turn is None else _rejected_text(id_, turns, METHODS[builder].evolves)
        if turn is not None and rejected is not None:
            pairs[text] = _digest(turn["instruction"], [turn["response"], rejected], turn)
    sft = {
        RowId(chain["id"], n).round_id: _digest(turn["instruction"], [turn["response"]], turn)
        for n, turn in turns.items()
    }
    return {"preference": pairs, "sft": sft, "rejects": dict.fromkeys(chain["rejects"], 0)}


def _rejected_text(id_: RowId, turns: Mapping[int, Row], evolves: bool) -> str | None:
    """The rejected answer of a pair as its chain has it: of an older turn, or a candidate of its own round."""
    if evolves and id_.negative == EVOLVED:
        order = list(turns)
        older = order.index(id_.round) - id_.gap
        return str(turns[order[older]]["response"]) if older >= 0 else None
    for candidate in turns[id_.round]["candidates"]:
        if candidate["defect"] == REJECTED and (id_.negative == EVOLVED or candidate["route"] == id_.negative):
            return str(candidate["text"])
    return None


def _digest(instruction: str, answers: Sequence[str], row: Row) -> int:
    requirements = ((r["id"], r["text"], r["kwargs"], r["check"], r["round"]) for r in row["requirements"])
    return hash((instruction, *answers, row["operation"], row["evolved_by"], row["adapted_by"], *requirements))
