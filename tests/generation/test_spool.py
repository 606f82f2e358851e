"""The spool: parts that are made once, made anew when they are not whole, and rows that do not depend on them."""

from dataclasses import replace

import pytest

from ecd_data.artifact.schema import configs
from ecd_data.core.errors import EndpointError
from ecd_data.generation.spool import Spool
from tests.helpers.building import filled_spool, new_spool
from tests.helpers.scripted import RECIPE, ScriptedPool, scripted


def rows(spool):
    return {
        (config, split): [row for part in range(spool.parts + 1) for row in spool.rows(config, split, part)]
        for config in configs()
        for split in spool.recipe.splits
    }


def test_a_part_is_whole_or_not_there(make_generation, tmp_path):
    def breaks_off(request):
        if len(pool.requests) == 60:
            raise EndpointError("the endpoint went away")
        return scripted(request)

    pool = ScriptedPool(breaks_off)
    pool.capacity = 1
    spool = new_spool(make_generation(pool), tmp_path / "spool", parts=3)
    with pytest.raises(EndpointError):
        spool.fill(make_generation(pool).prepare())
    assert 0 < len(spool.missing()) < 3
    assert len(list(spool.folder.iterdir())) == 3 - len(spool.missing())
    again = ScriptedPool()
    spool.fill(make_generation(again).prepare())
    assert spool.missing() == []
    whole = filled_spool(make_generation(None), tmp_path / "whole")
    assert (rows(spool), list(spool.calls())) == (rows(whole), list(whole.calls()))
    assert 0 < len(again.requests) <= len(list(whole.calls())) - 59


@pytest.mark.subprocess
def test_two_that_make_the_same_part_do_not_get_in_each_others_way(make_generation, tmp_path):
    spool = filled_spool(make_generation(), tmp_path / "spool")
    first = rows(spool)
    spool.fill_part(0, make_generation(None).prepare())
    assert rows(spool) == first
    assert [path.name for path in spool.folder.iterdir()] == ["part-00000-of-00001"]


@pytest.mark.subprocess
def test_a_failure_in_a_process_is_told_as_it_is(make_generation, tmp_path):
    with pytest.raises(EndpointError, match="the endpoint is gone"):
        filled_spool(make_generation(ScriptedPool(gone)), tmp_path / "spool", parts=2, processes=2)


def gone(request):
    raise EndpointError("the endpoint is gone")


@pytest.mark.parametrize("pairs", ["adjacent", "all"])
def test_pairs_beyond_a_share_are_rejects_whatever_the_parts(make_generation, tmp_path, pairs):
    free = replace(RECIPE, pairs=pairs, rounds=3)
    capped = replace(free, max_share={"repair": 0.2})
    made = []
    for parts in (1, 4):
        generation = make_generation(recipe=free)
        spool = Spool(tmp_path / str(parts), capped, new_spool(generation, tmp_path).to_rows, parts)
        spool.fill(generation.prepare())
        made.append(rows(spool))
        raw = rows(replace(spool, recipe=free))
    assert made[0] == made[1]
    for split in RECIPE.splits:
        lost = {row["id"] for row in raw["preference", split] if row["gap"] == 1}
        lost -= {row["id"] for row in made[0]["preference", split]}
        assert lost == {row["id"] for row in made[0]["rejects", split] if row["reason"] == "route_share"}
        assert made[0]["sft", split] == raw["sft", split]
        for before, after in zip(raw["chains", split], made[0]["chains", split], strict=True):
            adjacent = [id_ for id_ in after["pairs"] if "-g" not in id_]
            assert before["rounds"] == after["rounds"] == len(adjacent) + len(after["rejects"])
    assert any(
        row["reason"] == "route_share" for (config, _), some in made[0].items() if config == "rejects" for row in some
    )
