"""Explain the verdicts of a pair: by checking again with code, or with the words of the judge in the stored votes."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ecd_data.artifact.parquet import read_rows
from ecd_data.core.hashing import sha256
from ecd_data.core.request import Response
from ecd_data.core.values import REJECTED, Requirement
from ecd_data.requirements.judge import question, tally
from ecd_data.requirements.kinds import check


class JudgeVotes:
    """The stored votes of the judge on the answers of some chains.

    Args:
        build: the build directory, whose responses are read.
        seed_ids: the seeds of the chains.
        number: votes on a requirement, as in the recipe.
    """

    def __init__(self, build: Path, seed_ids: Collection[str], number: int) -> None:
        self._number = number
        self._votes: dict[tuple[str, int, int, str], Response] = {}
        files = sorted((build / "responses").glob("*.parquet"))
        for row in read_rows(files, ["role", "seed_id", "request", "response", "failure"]):
            if row["role"] == "judge" and row["seed_id"] in seed_ids and not row["failure"]:
                request = json.loads(row["request"])
                key = (row["seed_id"], request["round"], request["attempt"], sha256(request["messages"][0]["content"]))
                self._votes[key] = Response(**json.loads(row["response"]))

    def reason(self, requirement: Requirement, instruction: str, answer: str, seed_id: str, round: int) -> str:
        """Return the reason of the winning side, or an empty text if a vote is missing from the responses."""
        votes = []
        for attempt in range(self._number):
            (message,) = question(requirement, instruction, answer, attempt)
            vote = self._votes.get((seed_id, round, attempt, sha256(message["content"])))
            if vote is None:
                return ""
            votes.append(vote)
        return tally(requirement, votes).reason


def pair_reasons(
    pair: Mapping[str, Any], turns: Sequence[Mapping[str, Any]], votes: JudgeVotes
) -> dict[str, list[str]]:
    """Return the reasons of the verdicts on both sides of a pair, in the order of its requirements.

    An answer was judged in the round that accepted it, and in later rounds only on their new requirement. So the votes
    on R(s) and a requirement of round q are those of round max(s, q), about the instruction of that round. A rejected
    answer that is a candidate of the pair's own round was judged in that round.

    Args:
        pair: a row of `preference`.
        turns: the turns of its chain.
        votes: the votes on its chain.
    """
    instructions = {turn["round"]: turn["instruction"] for turn in turns}
    accepted = {"chosen": pair["round"], "rejected": _round_of_rejected(pair, turns)}

    def reason(side: str, row: Mapping[str, Any], met: bool) -> str:
        answer = pair[side][0]["content"]
        requirement = Requirement(**{**row, "kwargs": json.loads(row["kwargs"])})
        if requirement.check == "code":
            return _code_reason(requirement, answer, met)
        round = max(accepted[side], requirement.round)
        return votes.reason(requirement, instructions.get(round, ""), answer, pair["seed_id"], round)

    return {
        side: [reason(side, row, met) for row, met in zip(pair["requirements"], pair[f"{side}_met"], strict=True)]
        for side in ("chosen", "rejected")
    }


def _round_of_rejected(pair: Mapping[str, Any], turns: Sequence[Mapping[str, Any]]) -> int:
    """Return the round that accepted the rejected answer of a pair, or -1 if it is not in the chain."""
    candidates = [c for turn in turns if turn["round"] == pair["round"] for c in turn["candidates"]]
    if any(c["defect"] == REJECTED and c["text"] == pair["rejected"][0]["content"] for c in candidates):
        return int(pair["round"])
    rounds = sorted(turn["round"] for turn in turns)
    if pair["round"] in rounds and rounds.index(pair["round"]) >= pair["gap"]:
        return int(rounds[rounds.index(pair["round"]) - pair["gap"]])
    return -1


def _code_reason(requirement: Requirement, answer: str, met: bool) -> str:
    try:
        verdict = check(requirement, answer)
    except (TypeError, ValueError, LookupError, AttributeError):
        return ""  # the requirement is of another version of the taxonomy
    return verdict.reason if verdict.met == met else f"the check of this version disagrees: {verdict.reason}"
