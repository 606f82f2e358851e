"""The trial of a judge: its votes on items with a known answer, asked for like any others."""

from dataclasses import replace

from ecd_data.core.request import JUDGE, Steps
from ecd_data.core.values import Ruling
from ecd_data.methods.plan import Place, Plan
from ecd_data.requirements.calibration import Item
from ecd_data.requirements.judge import VOTE, question, tally


def try_judge(item: Item, plan: Plan) -> Steps[tuple[Item, Ruling]]:
    """Return the item with the judge's ruling on it; a generator like a chain's."""
    responses = yield [
        replace(
            plan.request(
                Place(item.id, 0), JUDGE, attempt, question(item.requirement, item.instruction, item.response, attempt)
            ),
            grammar=VOTE,
        )
        for attempt in range(plan.recipe.votes)
    ]
    return item, tally(item.requirement, responses)
