import json

import pytest

from ecd_data.artifact.manifest import read_manifest
from ecd_data.core.errors import BuildError
from ecd_data.reporting.contents import read_contents


def test_of_a_large_build_the_chains_with_the_first_ids_are_shown(build, rows):
    contents = read_contents(build, "org/ecd", max_rounds=9)
    shown = [chain["id"] for chain in contents.chains["chains"]]
    by_id = sorted(rows["chains"], key=lambda chain: chain["id"])
    assert sorted(shown) == [chain["id"] for chain in by_id[: len(shown)]]
    assert contents.summary["shown"] == sum(chain["rounds"] for chain in by_id[: len(shown)])
    assert 9 - by_id[len(shown)]["rounds"] < contents.summary["shown"] <= 9
    assert contents.summary["counts"]["rounds"] > 9


def test_a_manifest_of_an_older_version_is_named(build, tmp_path):
    manifest = read_manifest(build)
    del manifest["funnel"]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BuildError, match=r"lacks 'funnel'\. Build it again"):
        read_contents(tmp_path, "old")
