"""The response store never loses or changes what was put, and every error says what to do."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecd_data.calls.exchange import import_into
from ecd_data.calls.store import Store
from ecd_data.core.errors import StoreError
from ecd_data.core.request import Grammar, Model, Response, request_key
from tests.helpers.fake_endpoint import make_request

MODEL = Model("test/tiny-model", "0123abcd")
REQUEST = make_request()
KEY = request_key(MODEL, REQUEST)
RESPONSE = Response("Zürich 🙂\n", "length", 11, 2, -0.375)

PUT_FOREVER = """
import sys
from ecd_data.calls.store import Store
from ecd_data.core.request import Model, Response, request_key
from tests.helpers.fake_endpoint import make_request
start, stop, text = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
model = Model("test/tiny-model", "0123abcd")
with Store(sys.argv[1]) as store:
    for number in range(start, stop):
        request = make_request(number)
        kept = store.put(request_key(model, request), model, request, Response(f"{text} {number}", "stop"))
        print(number, kept.text, flush=True)
"""


def environment() -> dict[str, str]:
    """Return an environment in which a child process can import this module."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}


def writer(path: Path, start: int, stop: int, text: str = "by", code: str = PUT_FOREVER) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, str(path), str(start), str(stop), text]
    return subprocess.Popen(command, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def failure(path: Path, *, read_only: bool = False) -> str:
    """Return the message with which a store at `path` refuses a response."""

    def use() -> None:
        with Store(path, read_only=read_only) as store:
            store.put(KEY, MODEL, REQUEST, RESPONSE)

    with pytest.raises(StoreError) as caught:
        use()
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_response_comes_back_as_it_was_put(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder #1 50%?" / "responses.sqlite"
    with Store(path) as store:
        assert store.get(KEY) is None
        assert store.put(KEY, MODEL, REQUEST, RESPONSE) == RESPONSE
        assert store.get(KEY) == RESPONSE
        assert (store.count(), store.models()) == (1, [MODEL])
    for read_only in (False, True):
        with Store(path, read_only=read_only) as store:
            assert store.get(KEY) == RESPONSE


def test_the_first_response_wins(tmp_path: Path) -> None:
    with Store(tmp_path / "r.sqlite") as store:
        store.put(KEY, MODEL, REQUEST, RESPONSE)
        assert store.put(KEY, MODEL, REQUEST, Response("another", "stop")) == RESPONSE
        assert store.get(KEY) == RESPONSE
        assert store.count() == 1


def test_models_are_sorted_and_calls_come_in_the_order_of_their_keys(tmp_path: Path) -> None:
    models = [Model("b"), Model("a", "2"), Model("a", "1")]
    request = make_request(grammar=Grammar("json", {"properties": {}}))
    keys = [request_key(model, request) for model in models]
    with Store(tmp_path / "r.sqlite") as store:
        for key, model in zip(keys, models, strict=True):
            store.put(key, model, request, RESPONSE)
        assert store.models() == [Model("a", "1"), Model("a", "2"), Model("b")]
        calls = list(store.calls(keys))
        assert [(call.key, call.model) for call in calls] == list(zip(keys, models, strict=True))
        assert [call.decode_request() for call in calls] == [request] * 3
        assert [(call.decode_response(), call.failure) for call in calls] == [(RESPONSE, "")] * 3
        with pytest.raises(StoreError, match=f"does not hold the response {KEY}"):
            list(store.calls([*keys, KEY]))


responses = st.builds(
    Response,
    st.text(),
    st.sampled_from(["stop", "length"]),
    st.integers(0, 2**40),
    st.integers(0, 2**40),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
)


@settings(max_examples=50, deadline=None)
@given(response=responses)
def test_any_response_comes_back(tmp_path_factory: pytest.TempPathFactory, response: Response) -> None:
    with Store(tmp_path_factory.mktemp("any") / "r.sqlite") as store:
        store.put(KEY, MODEL, REQUEST, response)
        assert store.get(KEY) == response


def test_the_key_does_not_change() -> None:
    """A change here would make every existing store worthless."""
    assert KEY == "cce412d0e317d5768507df93626771b3511102b0b2f3c81cd6c06b00cddc2777"
    json = make_request(grammar=Grammar("json", {"properties": {"a": {"type": "string"}}}), logprobs=True)
    assert request_key(Model("m"), json) == "e90da01e5b283d75b619bb5bfb8e2e405a60d49f47f3aa435dd647945653f244"


# --- durability -----------------------------------------------------------------------------------------------------


@pytest.mark.subprocess
def test_responses_survive_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    process = writer(path, 0, 100_000)
    assert process.stdout is not None
    seen = [process.stdout.readline() for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with Store(path) as store:
        assert store.count() >= len(seen) == 20
        for number in range(20):
            stored = store.get(request_key(MODEL, make_request(number)))
            assert stored == Response(f"by {number}", "stop")


@pytest.mark.subprocess
def test_two_processes_may_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    processes = [writer(path, 0, 150, "a"), writer(path, 50, 200, "b")]
    outputs = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    a, b = (dict(line.split(" ", 1) for line in stdout.splitlines()) for stdout, _ in outputs)
    assert all(a[number] == b[number] for number in a.keys() & b.keys())
    with Store(path) as store:
        assert store.count() == 200


OPEN_AT_ONCE = """
import multiprocessing, sys
from ecd_data.calls.store import Store
from test_store import KEY, MODEL, REQUEST, RESPONSE

def use(folder, barrier):
    for number in range(40):
        barrier.wait()
        for _ in range(3):
            with Store(f"{folder}/{number}.sqlite") as store:
                store.put(KEY, MODEL, REQUEST, RESPONSE)

if __name__ == "__main__":
    barrier = multiprocessing.Barrier(5, timeout=20)
    processes = [multiprocessing.Process(target=use, args=(sys.argv[1], barrier)) for _ in range(5)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    sys.exit(any(process.exitcode for process in processes))
"""


@pytest.mark.subprocess
def test_several_processes_may_create_a_store_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN_AT_ONCE, str(tmp_path)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("*.sqlite"))) == 40


# --- failures -------------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_a_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database at all, only some text\n" * 100)
    before = text.read_bytes()
    assert "not a response store; give another path with --responses" in failure(text)
    assert text.read_bytes() == before

    other = tmp_path / "other.sqlite"
    sqlite3.connect(other).execute("CREATE TABLE mine (x)").connection.close()
    before = other.read_bytes()
    assert "not a response store" in failure(other)
    assert "not a response store" in failure(other, read_only=True)
    assert other.read_bytes() == before

    empty = tmp_path / "empty.sqlite"
    empty.touch()
    assert "not a response store" in failure(empty, read_only=True)
    with Store(empty) as store:
        assert store.count() == 0


def test_a_failure_is_remembered_until_the_call_is_answered(tmp_path: Path) -> None:
    with Store(tmp_path / "r.sqlite") as store:
        request = make_request()
        key = request_key(MODEL, request)
        assert store.failure(key) is None
        store.put_failure(key, MODEL, request, "refused")
        assert store.failure(key) == "refused"
        assert store.get(key) is None
        (call,) = store.calls([key])
        assert (call.key, call.model, call.decode_request()) == (key, MODEL, request)
        assert (call.decode_response(), call.failure) == (None, "refused")
        store.put(key, MODEL, request, Response("at last", "stop"))
        store.put_failure(key, MODEL, request, "refused")  # by another process that was slower
        assert store.failure(key) is None
        (call,) = store.calls([key])
        assert (call.decode_response(), call.failure) == (Response("at last", "stop"), "")


def test_a_call_that_failed_twice_has_its_last_reason(tmp_path: Path) -> None:
    """The rows of the last run have it, and a replay must give the same rows."""
    with Store(tmp_path / "r.sqlite") as store:
        for reason in ("no_answer", "refused"):
            store.put_failure(KEY, MODEL, REQUEST, reason)
            assert store.failure(KEY) == reason


def test_a_failure_in_two_stores_keeps_its_reason_unless_the_other_store_is_absorbed(tmp_path: Path) -> None:
    for name in ("no_answer", "refused"):
        with Store(tmp_path / name) as store:
            store.put_failure(KEY, MODEL, REQUEST, name)
    with Store(tmp_path / "no_answer") as store:
        import_into(store, tmp_path / "refused")
        assert store.failure(KEY) == "no_answer"
        store.absorb(tmp_path / "refused")  # it is that of a later run
        assert store.failure(KEY) == "refused"


def test_many_responses_are_put_at_once_from_any_thread(tmp_path: Path) -> None:
    requests = [make_request(number) for number in range(50)]
    answers = [
        (request_key(MODEL, request), MODEL, request, Response(request.seed_id, "stop")) for request in requests
    ]
    with Store(tmp_path / "r.sqlite") as store:
        store.put(*answers[7][:3], Response("first", "stop"))
        with ThreadPoolExecutor(4) as threads:
            stored = list(threads.map(store.put_many, [answers] * 4))
        texts = ["first" if number == 7 else f"seed{number}" for number in range(50)]
        assert [[response.text for response in some] for some in stored] == [texts] * 4
        assert store.count() == 50


def execute(path: Path, *statements: str) -> None:
    """Change the file of a store behind its back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


def fill(path: Path, numbers: range, text: str, model: Model = MODEL) -> list[str]:
    """Put the response `text` to some requests; return their keys."""
    keys = []
    with Store(path) as store:
        for number in numbers:
            request = make_request(number)
            keys.append(request_key(model, request))
            store.put(keys[-1], model, request, Response(text, "stop"))
    return keys


def test_a_base_is_read_but_never_written(tmp_path: Path) -> None:
    keys = fill(tmp_path / "base.sqlite", range(3), "base")
    with Store(tmp_path / "base.sqlite", read_only=True) as base, Store(tmp_path / "own.sqlite", base=base) as store:
        assert store.get(keys[0]) == Response("base", "stop")
        assert store.count() == 0
        request = make_request(9)
        store.put(request_key(MODEL, request), MODEL, request, RESPONSE)
        assert base.get(request_key(MODEL, request)) is None


def test_stores_merge_and_keep_their_own_responses(tmp_path: Path) -> None:
    other = Model("another")
    keys = fill(tmp_path / "a.sqlite", range(10), "a") + fill(tmp_path / "a.sqlite", range(3), "a", other)
    more = fill(tmp_path / "b.sqlite", range(3), "b", other) + fill(tmp_path / "b.sqlite", range(5, 15), "b")
    with Store(tmp_path / "b.sqlite") as store:
        answered, failed = make_request(3), make_request(99)
        for request in (answered, failed):
            store.put_failure(request_key(MODEL, request), MODEL, request, "refused")
    with Store(tmp_path / "a.sqlite") as store:
        for _ in range(2):
            store.absorb(tmp_path / "b.sqlite")
            assert store.count() == 18
        texts = {key: response.text for key in {*keys, *more} if (response := store.get(key))}
        assert texts == {key: "a" if key in keys else "b" for key in {*keys, *more}}
        assert {call.model for call in store.calls(keys[10:])} == {other}
        assert store.failure(request_key(MODEL, failed)) == "refused"
        assert store.failure(request_key(MODEL, answered)) is None


def test_a_store_of_version_1_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    request = make_request()
    key = request_key(MODEL, request)
    with Store(path) as store:
        store.put(key, MODEL, request, Response("old", "stop"))
    execute(path, "DROP TABLE failures", "PRAGMA user_version = 1")
    with Store(path, read_only=True) as store:
        assert store.get(key) == Response("old", "stop")
        assert store.failure(key) is None
    with Store(tmp_path / "new.sqlite") as store:
        assert import_into(store, path).new == 1
    for _ in range(2):
        with Store(path) as store:
            assert store.get(key) == Response("old", "stop")
            store.put_failure("ab" * 32, MODEL, request, "no_answer")
            assert store.failure("ab" * 32) == "no_answer"


def test_a_store_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    Store(path).close()
    execute(path, "PRAGMA user_version = 99")
    assert "version 99" in failure(path)


def test_a_file_that_is_cut_off_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    fill(path, range(200), "old")
    os.truncate(path, path.stat().st_size // 2)
    assert "damaged; `ecd responses export` saves what can be read" in failure(path)


def test_a_look_up_during_a_transaction_neither_waits_for_it_nor_sees_its_changes(tmp_path: Path) -> None:
    keys = fill(tmp_path / "r.sqlite", range(2), "old")
    seen = []

    def look_up_between() -> Iterator[str]:
        yield keys[0]
        seen.append(store.get(keys[0]))
        yield keys[1]

    with Store(tmp_path / "r.sqlite") as store:
        assert store.remove(look_up_between()) == 2
        assert seen == [Response("old", "stop")]
        assert store.get(keys[0]) is None


def test_a_file_that_was_overwritten_in_the_middle_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    fill(path, range(200), "old")
    with open(path, "r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(os.urandom(20_000))
    assert "damaged" in failure(path)


def test_a_damaged_record_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with Store(path) as store:
        store.put(KEY, MODEL, REQUEST, RESPONSE)
    execute(path, "UPDATE responses SET response = x'00'")
    with pytest.raises(StoreError, match="damaged"), Store(path) as store:
        store.get(KEY)


def test_a_place_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "r.sqlite", tmp_path, Path("/proc/ecd/r.sqlite")):
        assert "give another path with --responses" in failure(path)


@pytest.fixture
def nobody() -> Iterator[Path]:
    """Yield a folder with a store that this process may read but not write to, whoever runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="ecd-test-"))
    with Store(folder / "r.sqlite") as store:
        store.put(KEY, MODEL, REQUEST, RESPONSE)
    folder.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.setresuid(65534, 65534, user)
    yield folder
    os.setresuid(user, user, user)
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_read_only_folder_can_be_replayed_from(nobody: Path) -> None:
    assert "you may write to" in failure(nobody / "new.sqlite")
    assert "you may write to" in failure(nobody / "folder" / "new.sqlite")
    assert "you may write to" in failure(nobody / "r.sqlite", read_only=True)
    with Store(nobody / "r.sqlite", read_only=True) as store:
        assert store.get(KEY) == RESPONSE


def test_a_read_only_store_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with Store(path):
        pass
    assert "may write to" in failure(path, read_only=True)
    assert "There is no response store" in failure(tmp_path / "missing.sqlite", read_only=True)
    assert not (tmp_path / "missing.sqlite").exists()


def test_a_locked_store_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecd_data.calls.database.BUSY_SECONDS", 0.1)
    path = tmp_path / "r.sqlite"
    with Store(path):
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        assert "another process is writing to it" in failure(path)
        holder.close()


def test_responses_are_removed_while_others_read_and_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for readers at the end of `remove` would keep other runs from storing their responses."""
    monkeypatch.setattr("ecd_data.calls.database.BUSY_SECONDS", 2.0)
    path = tmp_path / "r.sqlite"
    keys = fill(path, range(3), "old")
    with Store(path, read_only=True) as reader, Store(path) as store, Store(path) as other:
        assert reader.count() == 3
        begun = time.monotonic()
        assert store.remove(keys[:2]) == 2
        assert time.monotonic() - begun < 1.5
        assert reader.get(keys[0]) == Response("old", "stop")
        other.put(KEY, MODEL, REQUEST, RESPONSE)
        assert store.count() == 2


FILL_THE_DISK = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
""" + PUT_FOREVER.replace('f"{text} {number}"', 'f"{text} {number} " + __import__("os").urandom(1000).hex()')


@pytest.mark.subprocess
def test_a_full_disk_keeps_every_response_so_far(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    process = writer(path, 0, 10_000, code=FILL_THE_DISK)
    stdout, stderr = process.communicate()
    assert process.returncode == 1
    last_line = stderr.splitlines()[-1]
    assert "StoreError" in last_line
    assert "free some space and run the same command again" in last_line
    printed = stdout.splitlines()
    assert len(printed) > 10
    with Store(path) as store:
        assert store.count() == len(printed)
        for number, line in enumerate(printed):
            stored = store.get(request_key(MODEL, make_request(number)))
            assert stored is not None
            assert f"{number} {stored.text}" == line
        assert store.put(KEY, MODEL, make_request(10**6), RESPONSE)


def test_log_probabilities_of_the_first_token_come_back_as_they_were(tmp_path: Path) -> None:
    response = Response("A", "length", 9, 1, -0.5, {"A": -0.5, " Bé": -1.25})
    request = make_request(top_logprobs=5)
    key = request_key(MODEL, request)
    with Store(tmp_path / "r.sqlite") as store:
        store.put(key, MODEL, request, response)
        assert store.get(key) == response
        (call,) = store.calls([key])
        assert (call.decode_request(), call.decode_response()) == (request, response)


def test_closing_a_store_waits_for_the_response_that_is_being_written(tmp_path: Path) -> None:
    packed = threading.Event()

    class SignallingResponse(Response):
        def canonical(self) -> dict[str, Any]:
            packed.set()
            return super().canonical()

    store = Store(tmp_path / "r.sqlite")
    other = sqlite3.connect(tmp_path / "r.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = threading.Thread(target=store.put, args=(KEY, MODEL, REQUEST, SignallingResponse("yes", "stop")))
    writing.start()
    packed.wait()
    time.sleep(0.2)  # it now waits for the other connection
    end = threading.Thread(target=store.close)
    end.start()
    time.sleep(0.1)
    other.execute("COMMIT")
    writing.join()
    end.join()
    assert other.execute("SELECT count(*) FROM responses").fetchone() == (1,)
