"""The trial of a judge: its votes on items with a known answer, asked for like any others."""

from __future__ import annotations

from ecd_data.method.plan import Plan
from ecd_data.request import Steps
from ecd_data.requirements.calibration import Item
from ecd_data.requirements.judge import VOTE, question, tally
from ecd_data.values import Ruling


def try_judge(item: Item, plan: Plan) -> Steps[tuple[Item, Ruling]]:
    """The item with the judge's ruling on it; a generator like a chain's."""
    responses = yield [
        plan.request(
            "judge", item.id, 0, attempt, question(item.requirement, item.instruction, item.response, attempt), VOTE
        )
        for attempt in range(plan.recipe.votes)
    ]
    return item, tally(item.requirement, responses)
