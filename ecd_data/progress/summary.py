"""Describe a run in words: how its judge did, and at the end what became of its rounds."""

from typing import Any

from ecd_data.artifact.provenance import Judge
from ecd_data.core.recipe import Recipe
from ecd_data.core.text import two_columns


def describe_judge(judge: Judge, recipe: Recipe) -> str:
    """Return in a sentence how the judge did in its trial, and what this means for the run."""
    overall, required = judge.calibration.overall, recipe.judge_accuracy
    result = (
        f"the judge is right on {overall.balanced_accuracy:.0%} of {overall.items} questions whose answer code knows"
    )
    if judge.is_reliable:
        return f"{result} (balanced; {required:.0%} required)"
    return (
        f"{result} (balanced; {required:.0%} required, 50% is guessing): operations that need a judge are "
        "switched off. Name a better one with --judge-endpoint, or lower the recipe's judge_accuracy at your own risk."
    )


def summarize(manifest: dict[str, Any]) -> str:
    """Return what became of the rounds as a table; all of its numbers are in the manifest."""
    counts, funnel, calls = manifest["counts"], manifest["funnel"], manifest["calls"]
    rows: dict[str, object] = {"seeds": counts["seeds"], "rounds attempted": counts["rounds"]}
    rows |= {f"- {reason.replace('/', ': ')}": n for reason, n in counts["rejects"].items()}
    routes = ", ".join(f"{n} by {route}" for route, n in counts["adapted_by"].items())
    rows["pairs"] = f"{counts['pairs']} ({routes})"
    rows["calls"] = _calls(calls)
    rows["calls for a pair"] = _calls(calls["per_pair"])
    rows["operations with a pair"] = f"{funnel['operations']['with_pair']} of {funnel['operations']['drawn']} drawn"
    stages = funnel["by_class"] | {f"round {number}": n for number, n in funnel["by_round"].items()}
    rows["rounds"] = " > ".join(next(iter(stages.values())))  # the names of the stages
    rows |= {f"- {name}": " > ".join(map(str, n.values())) for name, n in stages.items()}
    return two_columns(rows)


def _calls(calls: dict[str, Any]) -> str:
    return f"{calls['total']} ({calls['prompt_tokens']} prompt tokens, {calls['completion_tokens']} completion tokens)"
