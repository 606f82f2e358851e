import hashlib
import json
from importlib import resources
from pathlib import Path

import pytest
import yaml

from ecd_data.core.errors import RecipeError
from ecd_data.requirements.taxonomy import CLASSES, read_taxonomy, select, taxonomy_hash
from tests.helpers.requirements import BY_CODE, TAXONOMY


def test_every_class_has_operations_that_code_checks_and_all_but_format_have_judged_ones():
    classes = {(operation.id.split("/")[0], operation.check == "judge") for operation in TAXONOMY.values()}
    assert classes == {(name, judged) for name in CLASSES for judged in (False, True)} - {("format", True)}


def test_globs_and_ids_select_in_the_order_of_the_taxonomy():
    picked = select(["style/no_commas", "format/title"], TAXONOMY)
    assert [op.id for op in picked] == ["style/no_commas", "format/title"]
    assert len(select(["*"], TAXONOMY)) == len(TAXONOMY)
    with pytest.raises(RecipeError, match="no operation matches 'style/no_comma'; did you mean style/no_commas"):
        select(["style/no_comma"], TAXONOMY)


JUDGED = {
    **{"id": "format/a", "summary": "A", "check": "judge", "family": "a", "guidance": "Ask."},
    "example": {"before": "x", "after": "y"},
}
BY_COUNT = {
    **{"id": "format/b", "summary": "B", "check": "word_count", "family": "b"},
    **{"params": {"n": {"choice": [1]}}, "texts": ["Use {n}."], "stated": ["{n}"]},
    **{"guidance": "Ask.", "example": {"kwargs": {"n": 1}, "before": "x", "after": "y"}},
}


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({**JUDGED, "id": "shape/a"}, "shape/a: the class must be one of content"),
        ({**JUDGED, "example": {"before": "x"}}, "format/a: an operation needs guidance and an example"),
        ({**JUDGED, "conflicts": ["a", "z"]}, "format/a: conflicts names z, which is neither a family nor an id"),
        ({**JUDGED, "kind": "x"}, "format/a: .*kind"),
        ({key: BY_COUNT[key] for key in BY_COUNT if key != "family"}, "format/b: .*family"),
        ({**BY_COUNT, "stated": []}, "format/b: an operation that code checks needs texts and stated"),
        (
            {**BY_COUNT, "texts": ["Use {n}.", "Use some."]},
            "format/b: the text 'Use some.' must name the parameters n and no others",
        ),
        ({**BY_COUNT, "stated": ["{k}"]}, "format/b: stated names {k}, which is not a parameter"),
    ],
)
def test_a_wrong_entry_is_named(entry, problem):
    with pytest.raises(RecipeError, match=f"taxonomy: {problem}"):
        read_taxonomy([entry])


def test_an_id_stands_for_one_entry():
    assert list(read_taxonomy([JUDGED, BY_COUNT])) == ["format/a", "format/b"]
    with pytest.raises(RecipeError, match="format/a: two operations have this id"):
        read_taxonomy([JUDGED, JUDGED])


def test_the_hash_is_that_of_the_content_of_all_files():
    folder = resources.files("ecd_data.requirements.operations")
    content = [yaml.safe_load((folder / f"{name}.yaml").read_text()) for name in (*CLASSES, "patterns")]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert taxonomy_hash() == hashlib.sha256(canonical.encode()).hexdigest()


def test_the_readme_counts_what_there_is():
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    for kind in CLASSES:
        of_class = [operation for operation in TAXONOMY.values() if operation.id.startswith(f"{kind}/")]
        by_code = sum(operation.check != "judge" for operation in of_class)
        assert f"| {kind} | {by_code} | {len(of_class) - by_code} |" in readme
    assert f"{len(TAXONOMY)} operations in five classes, {len(BY_CODE)} of them checked by code" in readme
