"""The trial of a judge: its votes on items with a known answer, asked for like any others."""

from dataclasses import replace

from ecd_data.core.request import Steps
from ecd_data.core.values import Ruling, Seed
from ecd_data.methods.judging import judge
from ecd_data.methods.plan import Plan
from ecd_data.methods.task import Task
from ecd_data.requirements.calibration import Item


def try_judge(item: Item, plan: Plan) -> Steps[tuple[Item, Ruling]]:
    """Return the item with the judge's ruling on it; a generator like a chain's."""
    task = Task(Seed(item.id, item.instruction), 0, "", item.instruction)
    (ruling,) = yield from judge(item.response, task, plan, [replace(item.requirement, check="judge")])
    return item, ruling
