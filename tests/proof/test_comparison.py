import json

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.proof.comparison import (
    ALL,
    PairStatistics,
    changed_rows,
    count_changes,
    count_rows,
    differing_values,
    pair_statistics,
)

ROWS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.tuples(st.sampled_from(["train", "test"]), st.sampled_from(["style/x", "format/y"]), st.integers(0, 2)),
)
LEAVES = st.none() | st.booleans() | st.integers() | st.text()
DATA = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


def write(build, rows, config="rejects"):
    """Rows by id (split, operation, value) as a build's."""
    for split in {split for split, _, _ in rows.values()}:
        of_split = [{"id": id_, "operation": o, "value": v} for id_, (s, o, v) in rows.items() if s == split]
        (build / "data" / config).mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(of_split), build / "data" / config / f"{split}-00000-of-00001.parquet")
    return build


@given(ROWS, ROWS)
def test_rows_that_came_went_or_changed_are_those_of_the_sets(tmp_path_factory, a, b):
    folder = tmp_path_factory.mktemp("two")
    changes = list(changed_rows(write(folder / "a", a), write(folder / "b", b)))
    found = {
        kind: {change.id for change in changes if change.kind == kind} for kind in ("added", "removed", "changed")
    }
    assert found == {
        "added": b.keys() - a.keys(),
        "removed": a.keys() - b.keys(),
        "changed": {id_ for id_ in a.keys() & b.keys() if a[id_] != b[id_]},
    }
    names = ("split", "operation", "value")
    for change in changes:
        rows = b if change.kind != "removed" else a
        assert (change.split, change.of_class) == (rows[change.id][0], rows[change.id][1].split("/")[0])
        if change.kind == "changed":
            pairs = zip(names, a[change.id], b[change.id], strict=True)
            assert set(change.columns) == {name for name, before, after in pairs if before != after}
    counts = count_changes(changes)
    assert counts["rejects", ALL].total() == sum(counts["rejects", c].total() for c in ("style", "format"))
    assert count_rows(folder / "b")["rejects", ALL] == len(b)


@given(DATA)
def test_data_does_not_differ_from_itself(data):
    assert list(differing_values(data, json.loads(json.dumps(data)))) == []


def test_values_that_differ_are_named_by_their_path():
    a = {"recipe": {"rounds": 2, "splits": {"train": 1.0}}, "judge": None, "list": [1, 2], "flag": 1}
    b = {"recipe": {"rounds": 3, "splits": {"train": 0.5, "test": 0.5}}, "judge": {}, "list": [1], "flag": True}
    assert list(differing_values(a, b)) == [
        ("recipe.rounds", 2, 3),
        ("recipe.splits.train", 1.0, 0.5),
        ("recipe.splits.test", None, 0.5),
        ("judge", None, {}),
        ("list", [1, 2], [1]),
        ("flag", 1, True),
    ]


def test_a_build_is_the_same_as_itself(make_build):
    build = make_build()
    assert list(changed_rows(build, build)) == []


def test_the_shape_of_pairs(make_build):
    build = make_build()
    rows = [row for path in (build / "data/preference").glob("*") for row in pq.read_table(path).to_pylist()]
    found = pair_statistics(build)
    assert found[ALL].pairs == len(rows) == sum(shape.pairs for name, shape in found.items() if name != ALL)
    assert found[ALL].mean_requirements("in force") == sum(len(row["requirements"]) for row in rows) / len(rows)
    lengths = sorted(len(row["chosen"][0]["content"]) for row in rows)
    middle = len(lengths) // 2
    assert found[ALL].median_length("chosen") in (lengths[middle], (lengths[middle - 1] + lengths[middle]) / 2)
    assert sum(found[ALL].share(route) for route in ("edit", "fresh", "guided", "repair")) == 1
    assert 0 < found[ALL].mean_similarity < 1
    none = PairStatistics()
    assert none.median_length("chosen") == none.share("edit") == none.mean_similarity == 0
