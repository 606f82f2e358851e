"""Responses out to Parquet and in again: nothing changes on the way, and what was changed is refused."""

from __future__ import annotations

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

from ecd_data.calls.exchange import SCHEMA, Imported, import_into, read_parquet, write_parquet
from ecd_data.calls.store import Store
from ecd_data.core.errors import StoreError
from ecd_data.core.request import Grammar, Model, Response, request_from, request_key
from tests.helpers.fake_endpoint import make_request

MODEL = Model("org/model", "0123")


def fill(path: Path, numbers: range, text: str = "an answer") -> None:
    with Store(path) as store:
        for number in numbers:
            request = make_request(number)
            store.put(request_key(MODEL, request), MODEL, request, Response(text, "stop", 3, 4, -0.5))


def rows(path: Path) -> list[Any]:
    with Store(path) as store:
        return list(store.rows(store.keys()))


@given(
    text=st.text(max_size=50), grammar=st.sampled_from([None, Grammar("regex", "[a-z]+"), Grammar("json", {"a": 1})])
)
def test_a_request_comes_back_from_its_plain_data(text: str, grammar: Grammar | None) -> None:
    request = make_request(grammar=grammar, messages=({"role": "user", "content": text},))
    assert request_from(json.loads(json.dumps(request.canonical()))) == request


def test_everything_comes_back(tmp_path: Path) -> None:
    fill(tmp_path / "a.db", range(2500))
    with Store(tmp_path / "a.db") as store:
        failed = make_request(9999)
        store.put_failure(request_key(MODEL, failed), MODEL, failed, "refused")
        assert write_parquet(store.stored(store.keys()), tmp_path / "a.parquet") == 2501
    with Store(tmp_path / "b.db") as store:
        assert import_into(store, tmp_path / "a.parquet") == Imported(2500, 0, 0)
        assert import_into(store, tmp_path / "a.parquet") == Imported(0, 2500, 0)
    assert rows(tmp_path / "b.db") == rows(tmp_path / "a.db")


def test_what_is_there_stays(tmp_path: Path) -> None:
    fill(tmp_path / "a.db", range(10), "first")
    fill(tmp_path / "b.db", range(5, 12), "second")
    failed = make_request(9999)
    key = request_key(MODEL, failed)
    for name, reason in [("a.db", "no_answer"), ("b.db", "refused")]:
        with Store(tmp_path / name) as store:
            store.put_failure(key, MODEL, failed, reason)
    with Store(tmp_path / "b.db") as other:
        write_parquet(other.stored(other.keys()), tmp_path / "b.parquet")
    with Store(tmp_path / "a.db") as store:
        assert import_into(store, tmp_path / "b.parquet") == Imported(2, 0, 5)
        assert import_into(store, tmp_path / "b.db") == Imported(0, 2, 5)
        assert store.failure(key) == "no_answer"
        texts = [row[3]["text"] for row in store.rows(store.keys()) if row[3]]
    assert sorted(texts) == ["first"] * 10 + ["second"] * 2


def test_an_empty_store(tmp_path: Path) -> None:
    with Store(tmp_path / "a.db") as store:
        assert write_parquet(store.stored(store.keys()), tmp_path / "a.parquet") == 0
        assert import_into(store, tmp_path / "a.parquet") == Imported()


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
def test_a_row_that_was_changed_is_refused_by_its_number(tmp_path: Path, change: Any) -> None:
    fill(tmp_path / "a.db", range(5))
    with Store(tmp_path / "a.db") as store:
        write_parquet(store.stored(store.keys()), tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet").to_pylist()
    table[3] = change(table[3])
    pq.write_table(pa.Table.from_pylist(table, SCHEMA), tmp_path / "a.parquet")
    with pytest.raises(StoreError, match="row 3 is not what was stored"):
        list(read_parquet(tmp_path / "a.parquet"))


def test_sources_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.parquet").write_text("no Parquet")
    (tmp_path / "text.db").write_text("no store, but long enough to be looked at as one" * 50)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with Store(tmp_path / "a.db") as store:
        for name in ("empty", "text.parquet", "text.db", "other.parquet", "nowhere"):
            with pytest.raises(StoreError, match=name):
                import_into(store, tmp_path / name)


def test_a_column_that_is_missing_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "a.db", range(2))
    with Store(tmp_path / "a.db") as store:
        write_parquet(store.stored(store.keys()), tmp_path / "a.parquet")
        table = pq.read_table(tmp_path / "a.parquet").drop_columns(["failure", "request"])
        pq.write_table(table, tmp_path / "a.parquet")
        with pytest.raises(StoreError, match="it has no column failure, request"):
            import_into(store, tmp_path / "a.parquet")


def test_a_store_is_checked_as_a_file_is(tmp_path: Path) -> None:
    fill(tmp_path / "a.db", range(3))
    other = sqlite3.connect(tmp_path / "a.db")
    other.execute("UPDATE responses SET request = (SELECT request FROM responses ORDER BY key LIMIT 1)")
    other.commit()
    with Store(tmp_path / "b.db") as store:
        with pytest.raises(StoreError, match="does not have the key that it claims"):
            import_into(store, tmp_path / "a.db")
        assert store.count() == 0
