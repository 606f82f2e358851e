"""Responses exported and imported again do not change, and a changed one is refused."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.calls.exchange import SCHEMA, ImportCounts, import_into, read_parquet, write_parquet
from ecd_data.calls.store import Store, StoredCall
from ecd_data.core.errors import StoreError
from ecd_data.core.request import Grammar, Model, Request, Response, request_key
from tests.helpers.fake_endpoint import make_request

MODEL = Model("org/model", "0123")


def fill(path: Path, numbers: range, text: str = "an answer") -> None:
    with Store(path) as store:
        for number in numbers:
            request = make_request(number)
            store.put(request_key(MODEL, request), MODEL, request, Response(text, "stop", 3, 4, -0.5))


def contents(path: Path) -> list[StoredCall]:
    with Store(path) as store:
        return list(store.calls(store.keys()))


@given(
    text=st.text(max_size=50), grammar=st.sampled_from([None, Grammar("regex", "[a-z]+"), Grammar("json", {"a": 1})])
)
def test_a_request_comes_back_from_its_json(text: str, grammar: Grammar | None) -> None:
    request = make_request(grammar=grammar, messages=({"role": "user", "content": text},))
    assert Request.from_canonical(json.loads(json.dumps(request.canonical()))) == request


def test_responses_and_failures_come_back_from_parquet(tmp_path: Path) -> None:
    fill(tmp_path / "a.db", range(2500))
    with Store(tmp_path / "a.db") as store:
        failed = make_request(9999)
        store.put_failure(request_key(MODEL, failed), MODEL, failed, "refused")
        assert write_parquet(store.calls(store.keys()), tmp_path / "a.parquet") == 2501
    with Store(tmp_path / "b.db") as store:
        assert import_into(store, tmp_path / "a.parquet") == ImportCounts(new=2500)
        assert import_into(store, tmp_path / "a.parquet") == ImportCounts(duplicates=2500)
    assert contents(tmp_path / "b.db") == contents(tmp_path / "a.db")


def test_an_import_keeps_what_the_store_holds(tmp_path: Path) -> None:
    fill(tmp_path / "a.db", range(10), "first")
    fill(tmp_path / "b.db", range(5, 12), "second")
    failed = make_request(9999)
    key = request_key(MODEL, failed)
    for name, reason in [("a.db", "no_answer"), ("b.db", "refused")]:
        with Store(tmp_path / name) as store:
            store.put_failure(key, MODEL, failed, reason)
    with Store(tmp_path / "b.db") as other:
        write_parquet(other.calls(other.keys()), tmp_path / "b.parquet")
    with Store(tmp_path / "a.db") as store:
        assert import_into(store, tmp_path / "b.parquet") == ImportCounts(new=2, conflicts=5)
        assert import_into(store, tmp_path / "b.db") == ImportCounts(duplicates=2, conflicts=5)
        assert store.failure(key) == "no_answer"
        texts = [response.text for call in store.calls(store.keys()) if (response := call.decode_response())]
    assert sorted(texts) == ["first"] * 10 + ["second"] * 2


def test_an_empty_store_gives_an_empty_file(tmp_path: Path) -> None:
    with Store(tmp_path / "a.db") as store:
        assert write_parquet(store.calls(store.keys()), tmp_path / "a.parquet") == 0
        assert import_into(store, tmp_path / "a.parquet") == ImportCounts()


def changed(column: str, change: Callable[[str], str]) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda row: {**row, column: change(row[column])}


@pytest.mark.parametrize(
    "change",
    [
        changed("request", lambda text: text.replace("Élan", "Elan")),
        changed("key", lambda text: text[::-1]),
        changed("model", lambda text: text.replace("org/model", "org/better")),
        changed("response", lambda text: text.replace("{", "[")),
        changed("response", lambda text: text.replace('"text":', '"words":')),
        changed("response", lambda text: text.replace('"an answer"', "7")),
        changed("response", lambda text: text.replace('"prompt_tokens":3', '"prompt_tokens":"3"')),
        changed("response", lambda text: text.replace('"stop"', "5")),
    ],
)
def test_a_changed_row_is_refused_by_its_number(tmp_path: Path, change: Any) -> None:
    fill(tmp_path / "a.db", range(5))
    with Store(tmp_path / "a.db") as store:
        write_parquet(store.calls(store.keys()), tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet").to_pylist()
    table[3] = change(table[3])
    pq.write_table(pa.Table.from_pylist(table, SCHEMA), tmp_path / "a.parquet")
    with pytest.raises(StoreError, match="row 3 is not what was stored"):
        list(read_parquet(tmp_path / "a.parquet"))


def test_a_source_that_holds_no_responses_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.parquet").write_text("not Parquet")
    (tmp_path / "text.db").write_text("not a store, but long enough to be opened as one" * 50)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with Store(tmp_path / "a.db") as store:
        for name in ("empty", "text.parquet", "text.db", "other.parquet", "nowhere"):
            with pytest.raises(StoreError, match=name):
                import_into(store, tmp_path / name)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "a.db", range(2))
    with Store(tmp_path / "a.db") as store:
        write_parquet(store.calls(store.keys()), tmp_path / "a.parquet")
        table = pq.read_table(tmp_path / "a.parquet").drop_columns(["failure", "request"])
        pq.write_table(table, tmp_path / "a.parquet")
        with pytest.raises(StoreError, match="it has no column failure, request"):
            import_into(store, tmp_path / "a.parquet")


def test_a_store_is_verified_before_it_is_imported(tmp_path: Path) -> None:
    fill(tmp_path / "a.db", range(3))
    other = sqlite3.connect(tmp_path / "a.db")
    other.execute("UPDATE responses SET request = (SELECT request FROM responses ORDER BY key LIMIT 1)")
    other.commit()
    with Store(tmp_path / "b.db") as store:
        with pytest.raises(StoreError, match="does not have the key that it claims"):
            import_into(store, tmp_path / "a.db")
        assert store.count() == 0
