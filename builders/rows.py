"""The columns of each config that all builders have, and how a finished chain becomes rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from datasets import Features, List, Value

from ecd_data.core.hashing import canonical_bytes
from ecd_data.core.values import Candidate, Chain, Pair, Reject, Requirement, RowId, Ruling, Turn

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
    """Return the rows of one chain, per config.

    Args:
        models: by the names in the chain; the one that the build itself names has none.
    """
    return {
        "preference": [{**_pair(pair), "model": models[pair.model_name]} for pair in chain.pairs],
        "sft": [{**_completion(chain.seed_id, turn), "model": models[turn.model_name]} for turn in chain.turns],
        "chains": [{**_chain(chain), "model": models[""]}],
        "rejects": [{**_reject(reject), "model": models[""]} for reject in chain.rejects],
    }


def message(role: str, text: str) -> list[dict[str, str]]:
    """Return a chat of one message."""
    return [{"role": role, "content": text}]


def verdicts(side: str, rulings: Sequence[Ruling]) -> Row:
    """Return the columns with the verdicts on one side of a row, and with their votes."""
    return {
        f"{side}_met": [ruling.met for ruling in rulings],
        f"{side}_votes": [ruling.votes for ruling in rulings],
    }


def requirement_rows(requirements: Sequence[Requirement]) -> list[Row]:
    """Return the column `requirements` of a row."""
    return [
        {"id": r.id, "text": r.text, "kwargs": canonical_bytes(r.kwargs).decode(), "check": r.check, "round": r.round}
        for r in requirements
    ]


def _pair(pair: Pair) -> Row:
    return {
        "id": pair.id,
        "prompt": message("user", pair.instruction),
        "chosen": message("assistant", pair.chosen),
        "rejected": message("assistant", pair.rejected),
        "seed_id": pair.seed_id,
        "gap": pair.gap,
        "similarity": pair.similarity,
        **_round(pair),
        **verdicts("chosen", pair.chosen_rulings),
        **verdicts("rejected", pair.rejected_rulings),
    }


def _completion(seed_id: str, turn: Turn) -> Row:
    return {
        "id": RowId(seed_id, turn.round).round_id,
        "prompt": message("user", turn.instruction),
        "completion": message("assistant", turn.response),
        "seed_id": seed_id,
        **_round(turn),
    }


def _chain(chain: Chain) -> Row:
    return {
        "id": chain.seed_id,
        "group": chain.group,
        "rounds": chain.rounds,
        "turns": [
            {
                "instruction": turn.instruction,
                "response": turn.response,
                "candidates": _candidates(turn.candidates),
                **_round(turn),
            }
            for turn in chain.turns
        ],
        "pairs": [pair.id for pair in chain.pairs],
        "rejects": [RowId(reject.seed_id, reject.round).round_id for reject in chain.rejects],
    }


def _round(accepted: Pair | Turn) -> Row:
    """Return the columns that pairs and turns have in common."""
    return {
        "round": accepted.round,
        "operation": accepted.operation,
        "requirements": requirement_rows(accepted.requirements),
        "evolved_by": accepted.evolved_by,
        "adapted_by": accepted.adapted_by,
    }


def _reject(reject: Reject) -> Row:
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


def _candidates(candidates: Sequence[Candidate]) -> list[Row]:
    return [
        {"route": c.route, "attempt": c.attempt, "text": c.text, "defect": c.defect, "detail": c.detail}
        for c in candidates
    ]
