"""Whatever the routes and the options, the rows of a chain fit their schemas."""

import pytest

from ecd_data.artifact.schema import row_fault
from ecd_data.builders.ecd import Ecd
from ecd_data.core.recipe import Recipe
from ecd_data.core.values import Seed
from ecd_data.methods import make_plan
from ecd_data.methods.ecd.chain import run_chain
from tests.helpers.scripted import finish

SEEDS = [Seed(f"{number:016x}", "How should I start the day?", group=f"{number:016x}") for number in range(30)]
CODE = ("format/*", "style/no_*", "content/*keyword*")


@pytest.mark.parametrize("routes", [{"refined": 1}, {"edit": 3, "refined": 1}, {"edit": 3, "fresh": 1, "repair": 1}])
def test_the_rows_of_every_route_fit_their_schemas(routes):
    plan = make_plan(Recipe(rounds=3, routes=routes, select="closest", operations=CODE))
    ties = 0
    for seed in SEEDS:
        for config, rows in Ecd.rows(finish(run_chain(seed, plan)), {"": "org/model"}).items():
            ties += len(rows) * (config == "ties")
            assert [row_fault(config, row) for row in rows] == [""] * len(rows)
    assert ties > 0
