"""A preview asks what the real run asks, which then asks only for the rest."""

import re

import pytest

from ecd_data.core.recipe import recipe_from_dict
from ecd_data.progress.forecast import forecast
from ecd_data.progress.monitor import ProgressMonitor
from ecd_data.progress.preview import run_preview
from ecd_data.progress.price import Price
from tests.helpers.building import chains_of
from tests.helpers.scripted import RECIPE, ScriptedPool, scripted


@pytest.fixture
def run(make_generation):
    """Preview the first seeds of a generation; return the preview and the pool that answered it."""

    def run(first, **changes):
        pool = ScriptedPool()
        with ProgressMonitor() as monitor:
            return run_preview(make_generation(pool, **changes), first, monitor), pool

    return run


def test_a_preview_asks_what_the_real_run_asks_and_that_asks_only_for_the_rest(run, make_generation):
    preview, preview_pool = run(3)
    pool = ScriptedPool()
    chains = chains_of(make_generation(pool))
    assert preview.chains == chains[:3]
    assert {request.seed_id for request in preview_pool.requests} == {chain.seed_id for chain in chains[:3]}
    assert {request.seed_id for request in pool.requests} == {chain.seed_id for chain in chains[3:]}
    assert sum(usage.calls for usage in preview.usages) == len(preview_pool.requests)


def test_the_trial_of_the_judge_is_run_and_counted_once(run):
    recipe = recipe_from_dict({**RECIPE.to_dict(), "operations": ["content/*"], "judge_items": 20})
    preview, pool = run(20, recipe=recipe)
    assert len(preview.trial) == 20
    calls = re.search(r"^  calls +([\d,]+)$", forecast(preview, None), re.MULTILINE)
    assert int(calls[1]) == len(pool.requests)


def test_a_preview_of_everything_is_certain(run):
    preview, pool = run(50)
    answers = [scripted(request) for request in pool.requests]
    pairs = sum(len(chain.pairs) for chain in preview.chains)
    prompt, completion = (sum(getattr(a, f"{kind}_tokens") for a in answers) for kind in ("prompt", "completion"))
    table = re.sub(r"time for the rest .*", "", forecast(preview, Price(1e6, 2e6)))
    assert re.findall(r"^  (\S.*?)  +(.*)$", table, re.MULTILINE) == [
        ("calls", str(len(answers))),
        ("prompt tokens", f"{prompt:,}"),
        ("completion tokens", f"{completion:,}"),
        ("pairs", str(pairs)),
        ("cost", f"{prompt + 2 * completion:,.2f}"),
    ]
