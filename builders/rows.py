"""What the rows of each config look like, and how a finished chain becomes rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasets import Features, List, Value

from ecd_data.values import Candidate, Chain, Pair, Reject, Requirement, Tie, Turn, canonical_json

Row = dict[str, Any]
TEXT, INT = Value("string"), Value("int32")
MESSAGES = List({"role": TEXT, "content": TEXT})
REQUIREMENTS = List({"id": TEXT, "text": TEXT, "kwargs": TEXT, "check": TEXT, "round": INT})
CANDIDATES = List({"route": TEXT, "attempt": INT, "text": TEXT, "defect": TEXT, "detail": TEXT})

FEATURES = {
    "preference": Features(
        {
            "id": TEXT,
            "prompt": MESSAGES,
            "chosen": MESSAGES,
            "rejected": MESSAGES,
            "seed_id": TEXT,
            "round": INT,
            "gap": INT,
            "operation": TEXT,
            "requirements": REQUIREMENTS,
            "chosen_met": List(Value("bool")),
            "rejected_met": List(Value("bool")),
            "chosen_votes": List(Value("float64")),
            "rejected_votes": List(Value("float64")),
            "similarity": Value("float64"),
            "evolved_by": TEXT,
            "adapted_by": TEXT,
            "model": TEXT,
        }
    ),
    "sft": Features(
        {
            "id": TEXT,
            "prompt": MESSAGES,
            "completion": MESSAGES,
            "seed_id": TEXT,
            "round": INT,
            "operation": TEXT,
            "requirements": REQUIREMENTS,
            "evolved_by": TEXT,
            "adapted_by": TEXT,
            "model": TEXT,
        }
    ),
    "chains": Features(
        {
            "id": TEXT,
            "group": TEXT,
            "rounds": INT,
            "turns": List(
                {
                    "round": INT,
                    "operation": TEXT,
                    "instruction": TEXT,
                    "response": TEXT,
                    "requirements": REQUIREMENTS,
                    "evolved_by": TEXT,
                    "adapted_by": TEXT,
                    "candidates": CANDIDATES,
                }
            ),
            "pairs": List(TEXT),
            "rejects": List(TEXT),
            "model": TEXT,
        }
    ),
    "rejects": Features(
        {
            "id": TEXT,
            "seed_id": TEXT,
            "round": INT,
            "step": TEXT,
            "reason": TEXT,
            "operation": TEXT,
            "instruction": TEXT,
            "candidates": CANDIDATES,
            "model": TEXT,
        }
    ),
    "ties": Features(
        {
            "id": TEXT,
            "prompt": MESSAGES,
            "first": MESSAGES,
            "second": MESSAGES,
            "seed_id": TEXT,
            "round": INT,
            "operation": TEXT,
            "requirements": REQUIREMENTS,
            "first_met": List(Value("bool")),
            "second_met": List(Value("bool")),
            "first_votes": List(Value("float64")),
            "second_votes": List(Value("float64")),
            "similarity": Value("float64"),
            "routes": List(TEXT),
            "model": TEXT,
        }
    ),
}


def chain_rows(chain: Chain, model: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of one chain, per config."""
    return {
        "preference": [{**_pair(pair), "model": model} for pair in chain.pairs],
        "sft": [{**_turn(chain.seed_id, turn), "model": model} for turn in chain.turns],
        "chains": [{**_chain(chain), "model": model}],
        "rejects": [{**reject_row(reject), "model": model} for reject in chain.rejects],
        "ties": [{**_tie(tie), "model": model} for tie in chain.ties],
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "id": pair.id,
        "prompt": [{"role": "user", "content": pair.instruction}],
        "chosen": [{"role": "assistant", "content": pair.chosen}],
        "rejected": [{"role": "assistant", "content": pair.rejected}],
        "seed_id": pair.seed_id,
        "round": pair.round,
        "gap": pair.gap,
        "operation": pair.operation,
        "requirements": _requirements(pair.requirements),
        "chosen_met": [ruling.met for ruling in pair.chosen_rulings],
        "rejected_met": [ruling.met for ruling in pair.rejected_rulings],
        "chosen_votes": [ruling.votes for ruling in pair.chosen_rulings],
        "rejected_votes": [ruling.votes for ruling in pair.rejected_rulings],
        "similarity": pair.similarity,
        "evolved_by": pair.evolved_by,
        "adapted_by": pair.adapted_by,
    }


def _turn(seed_id: str, turn: Turn) -> dict[str, Any]:
    return {
        "id": f"{seed_id}-r{turn.round}",
        "prompt": [{"role": "user", "content": turn.instruction}],
        "completion": [{"role": "assistant", "content": turn.response}],
        "seed_id": seed_id,
        "round": turn.round,
        "operation": turn.operation,
        "requirements": _requirements(turn.requirements),
        "evolved_by": turn.evolved_by,
        "adapted_by": turn.adapted_by,
    }


def _chain(chain: Chain) -> dict[str, Any]:
    return {
        "id": chain.seed_id,
        "group": chain.group,
        "rounds": sum(pair.gap == 1 for pair in chain.pairs) + len(chain.rejects),
        "turns": [
            {
                "round": turn.round,
                "operation": turn.operation,
                "instruction": turn.instruction,
                "response": turn.response,
                "requirements": _requirements(turn.requirements),
                "evolved_by": turn.evolved_by,
                "adapted_by": turn.adapted_by,
                "candidates": _candidates(turn.candidates),
            }
            for turn in chain.turns
        ],
        "pairs": [pair.id for pair in chain.pairs],
        "rejects": [round_id(reject) for reject in chain.rejects],
    }


def reject_row(reject: Reject) -> dict[str, Any]:
    return {
        "id": round_id(reject),
        "seed_id": reject.seed_id,
        "round": reject.round,
        "step": reject.step,
        "reason": reject.reason,
        "operation": reject.operation,
        "instruction": reject.instruction,
        "candidates": _candidates(reject.candidates),
    }


def _tie(tie: Tie) -> dict[str, Any]:
    return {
        "id": tie.id,
        "prompt": [{"role": "user", "content": tie.instruction}],
        "first": [{"role": "assistant", "content": tie.first}],
        "second": [{"role": "assistant", "content": tie.second}],
        "seed_id": tie.seed_id,
        "round": tie.round,
        "operation": tie.operation,
        "requirements": _requirements(tie.requirements),
        "first_met": [ruling.met for ruling in tie.first_rulings],
        "second_met": [ruling.met for ruling in tie.second_rulings],
        "first_votes": [ruling.votes for ruling in tie.first_rulings],
        "second_votes": [ruling.votes for ruling in tie.second_rulings],
        "similarity": tie.similarity,
        "routes": list(tie.routes),
    }


def round_id(outcome: Pair | Reject) -> str:
    return f"{outcome.seed_id}-r{outcome.round}"


def _requirements(requirements: Sequence[Requirement]) -> list[dict[str, Any]]:
    return [
        {"id": r.id, "text": r.text, "kwargs": canonical_json(dict(r.kwargs)), "check": r.check, "round": r.round}
        for r in requirements
    ]


def _candidates(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    return [
        {"route": c.route, "attempt": c.attempt, "text": c.text, "defect": c.defect, "detail": c.detail}
        for c in candidates
    ]
