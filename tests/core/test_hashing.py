"""Canonical JSON, and hashes of files and folders."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecd_data.core.hashing import canonical_bytes, canonical_json, file_sha256, files_sha256

TEXTS = st.text(st.characters())  # with unpaired surrogates
EXACT = st.none() | st.booleans() | st.integers() | TEXTS  # values that may stand anywhere inside a list
SCALARS = EXACT | st.floats()
FIELDS = (
    SCALARS
    | st.lists(SCALARS)
    | st.lists(st.recursive(EXACT, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
    | st.recursive(SCALARS, lambda inner: st.dictionaries(TEXTS, inner | st.lists(inner)).filter(bool))
)


def test_canonical_json_has_one_spelling() -> None:
    assert canonical_json({"b": 1, "a": "é"}) == canonical_json({"a": "é", "b": 1}) == '{"a":"é","b":1}'


@settings(max_examples=40)
@given(st.dictionaries(TEXTS, FIELDS))
@example({"a": 1e-05, "b": [1e16, 1, -0.0], "c": {"d": [{"e": 1e-07}]}, "f": [{"z": 2**70, "y": "\x7f\u2028\x1b"}]})
@example({"a": float("nan")})
@example({"a": [1.0, float("-inf")]})
@example({"a": "\ud800"})
@example({"\ue000": 1, "\U00010000": 2})
def test_canonical_bytes_are_those_of_canonical_json(fields: dict[str, Any]) -> None:
    def encoded(encode: Callable[[dict[str, Any]], bytes]) -> bytes | None:
        try:
            return encode(fields)
        except ValueError:  # a number that is not finite, or an unpaired surrogate
            return None

    assert encoded(canonical_bytes) == encoded(lambda fields: canonical_json(fields).encode())


def test_a_large_file_is_hashed_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"ecd" * 700_000)
    assert file_sha256(path) == hashlib.sha256(b"ecd" * 700_000).hexdigest()


def test_the_hash_of_several_files_depends_on_their_names_and_bytes(tmp_path: Path) -> None:
    for folder in ("one", "other"):
        (tmp_path / folder / "sub").mkdir(parents=True)
        (tmp_path / folder / "sub" / "a").write_text("1")
        (tmp_path / folder / "b").write_text("2")

    def hashed(folder: str, *names: str) -> str:
        return files_sha256(tmp_path / folder, [tmp_path / folder / name for name in names])

    assert hashed("one", "sub/a", "b") == hashed("other", "b", "sub/a")
    assert len({hashed("one", "sub/a", "b"), hashed("one", "b"), hashed("one", "sub/a")}) == 3
    (tmp_path / "one" / "b").rename(tmp_path / "one" / "c")
    assert hashed("one", "c") != hashed("other", "b")
