import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_endpoint import FakeServer

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "adaptation.py"


@pytest.fixture
def server():
    fake = FakeServer()
    yield fake
    fake.stop()


def run(server, tmp_path, *variants):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text('operations: ["content/*_phrase"]\nroutes: {edit: 2, fresh: 1}\n')
    flags = ["--endpoint", server.url, "--recipe", str(recipe), "--responses", str(tmp_path / "r.sqlite")]
    command = [sys.executable, str(BENCHMARK), *flags, "--cases", "6", "--variants", *variants]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
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
