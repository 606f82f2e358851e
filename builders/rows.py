"""What the rows of each config look like, and how a finished chain becomes rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datasets import Features, List, Value

from ecd_data.core.hashing import canonical_bytes
from ecd_data.core.values import Candidate, Chain, Pair, Reject, Requirement, RowId, Turn

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
    """Return the rows of one chain, per config; `models` are by the names in it, the build's own by an empty one."""
    return {
        "preference": [{**_pair(pair), "model": models[pair.model_name]} for pair in chain.pairs],
        "sft": [{**_turn(chain.seed_id, turn), "model": models[turn.model_name]} for turn in chain.turns],
        "chains": [{**_chain(chain), "model": models[""]}],
        "rejects": [{**_reject(reject), "model": models[""]} for reject in chain.rejects],
    }


def message(role: str, text: str) -> list[dict[str, str]]:
    """Return a chat of one message."""
    return [{"role": role, "content": text}]


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "id": pair.id,
        "prompt": message("user", pair.instruction),
        "chosen": message("assistant", pair.chosen),
        "rejected": message("assistant", pair.rejected),
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
        "id": RowId(seed_id, turn.round).round_id,
        "prompt": message("user", turn.instruction),
        "completion": message("assistant", turn.response),
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
        "rejects": [RowId(reject.seed_id, reject.round).round_id for reject in chain.rejects],
    }


def _reject(reject: Reject) -> dict[str, Any]:
    return {
        "id": RowId(reject.seed_id, reject.round).round_id,
        "seed_id": reject.seed_id,
        "round": reject.round,
        "step": reject.step,
        "reason": reject.reason,
        "operation": reject.operation,
        "instruction": reject.instruction,
        "candidates": _candidates(reject.candidates),
    }


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
