"""What a run has to say in words: how its judge did, and at its end what became of the rounds."""

from __future__ import annotations

from typing import Any

from ecd_data.artifact.provenance import Judge
from ecd_data.core.recipe import Recipe
from ecd_data.core.text import two_columns


def judge_verdict(judge: Judge, recipe: Recipe) -> str:
    """Return what the trial of a judge means for a run, in a sentence."""
    overall, wanted = judge.calibration.overall, recipe.judge_accuracy
    right = (
        f"the judge is right on {overall.balanced_accuracy:.0%} of {overall.items} questions whose answer code knows"
    )
    if judge.is_reliable:
        return f"{right} (balanced; {wanted:.0%} required)"
    return (
        f"{right} (balanced; {wanted:.0%} required, 50% is guessing): operations that need a judge are "
        "switched off. Name a better one with --judge-endpoint, or lower the recipe's judge_accuracy at your own risk."
    )


def summary(manifest: dict[str, Any]) -> str:
    """Return what became of the rounds, as text; all of it is from the manifest."""
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
    return two_columns(rows)


def _spent(calls: dict[str, Any]) -> str:
    return f"{calls['total']} ({calls['prompt_tokens']} prompt tokens, {calls['completion_tokens']} completion tokens)"
