"""What the rows of each config look like, and how a finished chain becomes rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datasets import Features, List, Value

from ecd_data.canonical import canonical_bytes
from ecd_data.values import Candidate, Chain, Pair, Reject, Requirement, Turn

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
}


def chain_rows(chain: Chain, models: Mapping[str, str]) -> dict[str, list[Row]]:
    """The rows of one chain, per config; `models` by the names of who answered, the build's own by an empty one."""
    return {
        "preference": [{**_pair(pair), "model": models[pair.by]} for pair in chain.pairs],
        "sft": [{**_turn(chain.seed_id, turn), "model": models[turn.by]} for turn in chain.turns],
        "chains": [{**_chain(chain), "model": models[""]}],
        "rejects": [{**reject_row(reject), "model": models[""]} for reject in chain.rejects],
    }


def said(role: str, text: str) -> list[dict[str, str]]:
    """One message as a chat."""
    return [{"role": role, "content": text}]


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "id": pair.id,
        "prompt": said("user", pair.instruction),
        "chosen": said("assistant", pair.chosen),
        "rejected": said("assistant", pair.rejected),
        "seed_id": pair.seed_id,
        "round": pair.round,
        "gap": pair.gap,
        "operation": pair.operation,
        "requirements": requirement_rows(pair.requirements),
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
        "prompt": said("user", turn.instruction),
        "completion": said("assistant", turn.response),
        "seed_id": seed_id,
        "round": turn.round,
        "operation": turn.operation,
        "requirements": requirement_rows(turn.requirements),
        "evolved_by": turn.evolved_by,
        "adapted_by": turn.adapted_by,
    }


def _chain(chain: Chain) -> dict[str, Any]:
    return {
        "id": chain.seed_id,
        "group": chain.group,
        "rounds": chain.rounds,
        "turns": [
            {
                "round": turn.round,
                "operation": turn.operation,
                "instruction": turn.instruction,
                "response": turn.response,
                "requirements": requirement_rows(turn.requirements),
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


def round_id(outcome: Pair | Reject) -> str:
    return f"{outcome.seed_id}-r{outcome.round}"


def requirement_rows(requirements: Sequence[Requirement]) -> list[dict[str, Any]]:
    return [
        {"id": r.id, "text": r.text, "kwargs": canonical_bytes(r.kwargs).decode(), "check": r.check, "round": r.round}
        for r in requirements
    ]


def _candidates(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    return [
        {"route": c.route, "attempt": c.attempt, "text": c.text, "defect": c.defect, "detail": c.detail}
        for c in candidates
    ]
