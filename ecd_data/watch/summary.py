"""The summary at the end of a run: what became of the rounds, all of it from the manifest."""

from __future__ import annotations

from typing import Any

from ecd_data.command import table


def summary(manifest: dict[str, Any]) -> str:
    """What became of the rounds, as text."""
    counts, stages, calls = manifest["counts"], manifest["funnel"], manifest["calls"]
    rows: dict[str, object] = {"seeds": counts["seeds"], "rounds attempted": counts["rounds"]}
    rows |= {f"- {reason.replace('/', ': ')}": n for reason, n in counts["rejects"].items()}
    made = ", ".join(f"{n} by {route}" for route, n in counts["adapted_by"].items())
    rows["pairs"] = f"{counts['pairs']} ({made})"
    rows["calls"] = _spent(calls)
    rows["calls for a pair"] = _spent(calls["per_pair"])
    rows["operations with a pair"] = f"{stages['operations']['with_pair']} of {stages['operations']['drawn']} drawn"
    reached = stages["by_class"] | {f"round {number}": n for number, n in stages["by_round"].items()}
    rows["rounds"] = " > ".join(next(iter(reached.values())))  # the names of the stages
    rows |= {f"- {name}": " > ".join(map(str, n.values())) for name, n in reached.items()}
    return table(rows)


def _spent(calls: dict[str, Any]) -> str:
    return f"{calls['total']} ({calls['prompt_tokens']} prompt tokens, {calls['completion_tokens']} completion tokens)"
