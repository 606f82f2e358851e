import json

import pytest

from ecd_data.artifact.manifest import read_manifest
from ecd_data.core.errors import BuildError
from ecd_data.reporting.contents import read_contents


def pairs(contents):
    return {pair["id"]: pair for chain in contents.chains["chains"] for pair in chain["pairs"]}


def test_every_round_of_the_build_is_there(rows, contents):
    rejects = [reject["id"] for chain in contents.chains["chains"] for reject in chain["rejects"]]
    assert sorted(pairs(contents)) == sorted(row["id"] for row in rows["preference"])
    assert sorted(rejects) == sorted(row["id"] for row in rows["rejects"])
    assert contents.summary["shown"] == contents.summary["counts"]["rounds"] == len(rows["preference"]) + len(rejects)


def test_texts_and_verdicts_are_those_of_the_rows(rows, contents):
    texts = contents.chains["texts"]
    assert len(texts) == len(set(texts))
    for row in rows["preference"]:
        pair = pairs(contents)[row["id"]]
        assert texts[pair["instruction"]] == row["prompt"][0]["content"]
        for side in ("chosen", "rejected"):
            assert texts[pair[side]["text"]] == row[side][0]["content"]
            assert pair[side]["met"] == row[f"{side}_met"]
            assert pair[side]["votes"] == row[f"{side}_votes"]
        asked = [contents.chains["requirements"][number] for number in pair["requirements"]]
        assert [texts[requirement["text"]] for requirement in asked] == [r["text"] for r in row["requirements"]]


def test_every_verdict_has_its_reason(rows, contents):
    texts, checked = contents.chains["texts"], set()
    for row in rows["preference"]:
        for side in ("chosen", "rejected"):
            for number, requirement in zip(
                pairs(contents)[row["id"]][side]["reasons"], row["requirements"], strict=True
            ):
                checked.add((side, requirement["check"]))
                reason = texts[number]
                assert (reason == "looked for it") == (requirement["check"] == "judge")
                assert reason
                assert "otherwise" not in reason
    assert len(checked) == 4  # by code and by a judge, on both sides


def test_of_a_large_build_the_chains_with_the_first_ids_are_shown(built, rows):
    contents = read_contents(built, "org/ecd", most_rounds=9)
    shown = [chain["id"] for chain in contents.chains["chains"]]
    by_id = sorted(rows["chains"], key=lambda chain: chain["id"])
    assert sorted(shown) == [chain["id"] for chain in by_id[: len(shown)]]
    assert contents.summary["shown"] == sum(chain["rounds"] for chain in by_id[: len(shown)])
    assert 9 - by_id[len(shown)]["rounds"] < contents.summary["shown"] <= 9
    assert contents.summary["counts"]["rounds"] > 9


def test_a_manifest_of_an_older_version_is_named(built, tmp_path):
    manifest = read_manifest(built)
    del manifest["funnel"]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BuildError, match=r"lacks 'funnel'\. Build it again"):
        read_contents(tmp_path, "old")
