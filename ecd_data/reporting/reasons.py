"""Why a requirement counts as met or missed: the code's check again, or the judge's words in the stored votes."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ecd_data.artifact.parquet import read_rows
from ecd_data.core.hashing import sha256
from ecd_data.core.request import Response
from ecd_data.core.values import Requirement
from ecd_data.requirements.checks import check
from ecd_data.requirements.judge import question, tally


class Votes:
    """The judge's stored votes on the answers of some chains.

    Args:
        build: the build directory; its responses are read.
        seeds: of these chains.
        number: votes on a requirement, as the recipe has it.
    """

    def __init__(self, build: Path, seeds: Collection[str], number: int) -> None:
        self._number = number
        self._votes: dict[tuple[str, int, int, str], Response] = {}
        files = sorted((build / "responses").glob("*.parquet"))
        for row in read_rows(files, ["role", "seed_id", "request", "response", "failure"]):
            if row["role"] == "judge" and row["seed_id"] in seeds and not row["failure"]:
                asked = json.loads(row["request"])
                key = (row["seed_id"], asked["round"], asked["attempt"], sha256(asked["messages"][0]["content"]))
                self._votes[key] = Response(**json.loads(row["response"]))

    def reason(self, requirement: Requirement, instruction: str, answer: str, seed_id: str, round: int) -> str:
        """What the winning side said; empty when the votes are not among the responses."""
        votes = []
        for attempt in range(self._number):
            (message,) = question(requirement, instruction, answer, attempt)
            votes.append(self._votes.get((seed_id, round, attempt, sha256(message["content"]))))
        found = [vote for vote in votes if vote is not None]
        return tally(requirement, found).reason if len(found) == len(votes) else ""


def pair_reasons(pair: Mapping[str, Any], turns: Sequence[Mapping[str, Any]], votes: Votes) -> dict[str, list[str]]:
    """The reasons for the verdicts on both sides of a pair, in the order of its requirements.

    An answer was ruled on when it was accepted, and then only on what was new: so the votes on R(s) and a requirement
    of round q are those of round max(s, q), about that round's instruction. A rejected answer of the pair's own round
    was ruled on in it.
    """
    instructions = {turn["round"]: turn["instruction"] for turn in turns}
    rounds = sorted(instructions)
    accepted = {"chosen": pair["round"]}
    own = {
        made["text"]
        for t in turns
        if t["round"] == pair["round"]
        for made in t["candidates"]
        if made["defect"] == "rejected"
    }
    if pair["rejected"][0]["content"] in own:
        accepted["rejected"] = pair["round"]
    elif pair["round"] in rounds and rounds.index(pair["round"]) >= pair["gap"]:
        accepted["rejected"] = rounds[rounds.index(pair["round"]) - pair["gap"]]
    reasons: dict[str, list[str]] = {"chosen": [], "rejected": []}
    for side, given in reasons.items():
        answer = pair[side][0]["content"]
        for row, met in zip(pair["requirements"], pair[f"{side}_met"], strict=True):
            requirement = Requirement(**{**row, "kwargs": json.loads(row["kwargs"])})
            if requirement.check == "code":
                given.append(_by_code(requirement, answer, met))
            else:
                ruled = max(accepted.get(side, -1), requirement.round)
                given.append(votes.reason(requirement, instructions.get(ruled, ""), answer, pair["seed_id"], ruled))
    return reasons


def _by_code(requirement: Requirement, answer: str, met: bool) -> str:
    try:
        verdict = check(requirement, answer)
    except (TypeError, ValueError, LookupError, AttributeError):
        return ""  # of another version's taxonomy
    return verdict.reason if verdict.met == met else f"a check of today says otherwise: {verdict.reason}"
