import json
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub.utils import httpx

from benchmarks.simulated import Simulated
from tests.helpers.fake_endpoint import FakeServer
from tests.helpers.in_process import run_module

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server():
    fake = FakeServer()
    yield fake
    fake.stop()


def run(server, tmp_path, *variants):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text('operations: ["content/*_phrase"]\nroutes: {edit: 2, fresh: 1}\n')
    flags = ["--endpoint", server.url, "--recipe", str(recipe), "--responses", str(tmp_path / "r.sqlite")]
    done = run_module("benchmarks.adaptation", *flags, "--cases", "6", "--variants", *variants)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| "]


def test_every_variant_gets_the_same_cases_and_the_tables_add_up(server, tmp_path):
    text = run(server, tmp_path, "shipped", "again")
    table = rows(text)
    assert [row[0] for row in table if row[0] in ("shipped", "again")] == ["shipped", "again"]
    shipped = next(row for row in table if row[0] == "shipped")
    assert shipped[1].endswith("/12)")  # 6 cases, 2 candidates
    assert shipped[2].endswith("/6)")
    operations = [row for row in table if row[0].startswith("content/")]
    asked = [int(cell.rstrip(")").split("/")[-1]) for row in operations for cell in row[1:]]
    assert sum(asked) == 2 * (12 + 6)


def test_a_second_run_asks_nothing(server, tmp_path):
    first = run(server, tmp_path, "shipped", "again")
    asked = len(server.bodies)
    # The fresh answers of `again` are those of `shipped`.
    assert asked == len({json.dumps(body, sort_keys=True) for body in server.bodies})
    assert run(server, tmp_path, "shipped", "again") == first
    assert len(server.bodies) == asked


def benchmark(name, *flags, folder, run=run_module):
    """The rows that a benchmark writes, by their first column, and its notes; it also prints them."""
    file = folder / "numbers.json"
    done = run(f"benchmarks.{name}", *flags, "--json", str(file))
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    assert all(note in done.stdout for note in found["notes"])
    assert len(rows(done.stdout)) == len(found["rows"]) + 2
    return {next(iter(row.values())): row for row in found["rows"]}, found["notes"]


def run_process(module, *flags):
    """`python -m`, where what a benchmark measures is of its own process too."""
    return subprocess.run(
        [sys.executable, "-m", module, *flags], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.subprocess
def test_ours_and_the_bare_loop_make_the_same_calls(tmp_path):
    flags = ["--concurrency", "4", "--chains", "1", "--median", "0.01", "--repeats", "1"]
    table, notes = benchmark("throughput", *flags, folder=tmp_path)
    calls = {row["calls"] for row in table.values()}
    assert list(table) == ["ours", "engine alone", "bare loop"]
    assert len(calls) == 1
    assert calls.pop() >= 4 * 3  # an answer, and in each round a weave
    assert table["bare loop"]["calls/s"] <= 4 / 0.005  # it waited for the server
    assert [note.partition(":")[0] for note in notes] == ["4 in flight, ours", "4 in flight, engine alone"]


@pytest.mark.subprocess
def test_memory_is_that_of_a_build(tmp_path):
    table, _ = benchmark("memory", "--seeds", "4", "12", folder=tmp_path, run=run_process)
    assert table[12]["calls"] > table[4]["calls"] > 4
    assert table[12]["pairs"] > 0
    assert table[12]["read seeds"] <= table[12]["generate"] <= table[12]["validate"] <= table[12]["peak MB"] + 1


@pytest.mark.subprocess
def test_a_publish_sends_what_hf_upload_sends_and_once(tmp_path):
    table, _ = benchmark("publish", "--seeds", "60", folder=tmp_path)
    ours, again, theirs = table["ecd publish"], table["the same again"], table["hf upload"]
    assert ours["pairs"] > 60
    assert ours["LFS objects sent"] == theirs["LFS objects sent"] > 4
    assert again["LFS objects sent"] == 0


@pytest.mark.subprocess
def test_starting_again_asks_nothing(tmp_path):
    table, notes = benchmark("start", "--responses", "20", "--repeats", "1", folder=tmp_path)
    assert {"python -c pass", "ecd generate --help", "ecd publish --help"} <= set(table)
    assert table["the same again, on the finished build"]["seconds"] > table["python -c pass"]["seconds"]
    assert notes[-1].startswith("starting again: ")


def test_the_peer_benchmark_makes_all_calls_on_our_side(tmp_path, server):
    (tmp_path / "prompts.json").write_text(json.dumps(["Name a fruit.", "Name a tree.", "Name a tool."]))
    done = run_module("benchmarks.peer", "--ours", server.url, tmp_path / "prompts.json")
    assert (done.returncode, done.stdout.strip()) == (0, "6"), done.stderr
    asked = [body["messages"][-1]["content"] for body in server.bodies]
    assert len(set(asked)) == 6
    assert sum(text.startswith("answer ") for text in asked) == 3  # the answer to an answer


def test_a_fault_changes_no_text_and_comes_again_at_the_same_try():
    calm, (faulty, failed), again = texts(0.0), texts(0.5), texts(0.5)
    assert calm == (faulty, 0)
    assert again == (faulty, failed)
    assert failed >= 3


def texts(faults):
    """What the simulated server answers to ten requests, and the tries that failed."""
    found, failed = [], 0
    with Simulated(faults=faults, hang=0.01) as server, httpx.Client(base_url=server.url, timeout=0.5) as client:
        for number in range(10):
            messages = [{"role": "user", "content": f"Explain rain to {number} people."}]
            body = {"messages": messages, "seed": number} if number else {"messages": messages}
            while True:
                try:
                    reply = client.post("/v1/chat/completions", json=body)
                    found.append(reply.raise_for_status().json()["choices"][0]["message"]["content"])
                    break
                except (httpx.HTTPError, ValueError, TypeError):
                    failed += 1
    return found, failed


@pytest.mark.subprocess
def test_verify_is_measured_on_builds_that_it_finds_good(tmp_path):
    table, notes = benchmark("verify", "--seeds", "6", folder=tmp_path)
    ((pairs, row),) = table.items()
    assert row["rows"] > pairs > 0
    assert row["verify: peak MB"] > 50
    assert notes[0].startswith(f"{pairs} pairs: ")


def test_a_release_sends_what_an_earlier_one_did_not(tmp_path):
    table, _ = benchmark("rerelease", "--seeds", "80", folder=tmp_path)
    first, *others = table.values()
    assert 0 < first["sent, MB"] <= first["size, MB"] * 1.1
    assert len(others) == 4
    assert table["added at the end"]["sent, MB"] < first["sent, MB"]


@pytest.mark.subprocess
def test_the_first_row_is_read_either_way(tmp_path):
    table, notes = benchmark("first_row", "--seeds", "20", "--repeats", "1", folder=tmp_path)
    assert table["streamed"]["seconds"] > 0 < table["loaded"]["seconds"]
    assert int(notes[0].split()[0]) > 0
