"""The commands as a user meets them: exit codes, one clear message, nothing half-made."""

import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from huggingface_hub import HfApi

from ecd_data.calls.store import Store
from ecd_data.local.hub import Hub
from tests.helpers.fake_endpoint import FakeServer, Fault
from tests.helpers.in_process import run_module
from tests.helpers.scripted import RECIPE

VERBS = ["generate", "publish", "evaluate", "validate", "verify", "compare", "report", "local", "demo"]


def start(*arguments):
    """A command in a process of its own, to its end."""
    return subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def seeds(tmp_path):
    path = tmp_path / "seeds.jsonl"
    path.write_text(json.dumps({"instruction": "Name a fruit."}) + "\n")
    return str(path)


@pytest.mark.subprocess
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_both_ways(verb):
    module = start(f"ecd_data.{verb}", "--help")
    script = start("ecd_data", verb, "--help")
    assert module.returncode == script.returncode == 0
    assert module.stdout.split("options:")[1] == script.stdout.split("options:")[1]


def test_an_unknown_verb_lists_the_known_ones():
    done = run_module("ecd_data", "destroy")
    assert done.returncode == 2
    assert all(verb in done.stderr for verb in VERBS)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "no seeds. Give --seeds FILE"),
        (["--seeds", "{seeds}"], "no endpoint. Give --endpoint URL or set ECD_ENDPOINT"),
        (["--seeds", "nowhere.jsonl", "--endpoint", "http://127.0.0.1:9"], "nowhere.jsonl: cannot be read"),
        (["--seeds", "{seeds}", "--endpoint", "http://127.0.0.1:9"], "127.0.0.1:9"),
        (["--seeds", "{seeds}", "--endpoint", "ftp://x"], "http"),
        (["--seeds", "{seeds}", "--replay", "--responses", "{tmp}/none.sqlite"], "no response store"),
        (["--seeds", "{seeds}", "--recipe", "nowhere.yaml", "--replay"], "default, local"),
        (["--seeds", "{seeds}", "--instruction-column", "text", "--replay"], "no column 'text'"),
    ],
)
def test_a_mistake_is_one_message_and_leaves_nothing(tmp_path, seeds, flags, message):
    flags = [flag.format(seeds=seeds, tmp=tmp_path) for flag in flags]
    done = run_module("ecd_data.generate", *flags, "--out", str(tmp_path / "build"), ECD_HOME=str(tmp_path / "home"))
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "build").exists()


@pytest.fixture
def server():
    fake = FakeServer()
    yield fake
    fake.stop()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault(401, {"error": "no"}), "ECD_TOKEN"),
        (Fault(422, {"error": "`inputs` must have less than 1024 tokens"}), "less than 1024 tokens"),
        (Fault(404, b"<html>not here</html>"), "HTML page; check --endpoint"),
        (Fault(422, {"error": "\x1b[2J\x1b]0;too long\x07"}), "too long"),
    ],
)
def test_an_endpoint_that_refuses_stops_the_run(tmp_path, seeds, server, fault, message):
    server.always = fault
    flags = ["--seeds", seeds, "--endpoint", server.url, "--responses", str(tmp_path / "r.sqlite")]
    done = run_module("ecd_data.generate", *flags, "--out", str(tmp_path / "build"), ECD_TOKEN="ecd_secret")
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "ecd_secret" not in done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == []


def test_a_judge_that_refuses_names_its_own_token(tmp_path, seeds, server):
    judge = FakeServer()
    judge.always = Fault(401, {"error": "no"})
    flags = ["--seeds", seeds, "--endpoint", server.url, "--judge-endpoint", judge.url]
    paths = ["--responses", str(tmp_path / "r.sqlite"), "--out", str(tmp_path / "build")]
    done = run_module("ecd_data.generate", *flags, *paths, ECD_TOKEN="secret")
    judge.stop()
    assert done.returncode == 1
    assert "set ECD_JUDGE_TOKEN to a token for it" in done.stderr
    assert "secret" not in done.stderr


def test_many_calls_that_fail_at_once_are_one_message(tmp_path, server):
    server.always = Fault(422, {"error": "`inputs` must have less than 1024 tokens"})
    flags = ["--seeds", "bundled", "--endpoint", server.url, "--responses", str(tmp_path / "r.sqlite")]
    done = run_module("ecd_data.generate", *flags, "--out", str(tmp_path / "build"))
    assert done.returncode == 1
    assert len([line for line in done.stderr.splitlines() if "error" in line]) == 1
    assert "Traceback" not in done.stderr


def test_markup_and_escapes_in_a_model_id_are_text(tmp_path, seeds, server):
    server.routes["/info"] = {**server.routes["/info"], "model_id": "a[/b][red]\x1b[2J"}
    flags = ["--seeds", seeds, "--endpoint", server.url, "--responses", str(tmp_path / "r.sqlite")]
    done = run_module("ecd_data.generate", *flags, "--out", str(tmp_path / "build"), "--rounds", "1")
    assert "a[/b][red]" in done.stderr
    assert "Traceback" not in done.stderr
    stats = run_module("ecd_data.responses", "stats", "--responses", str(tmp_path / "r.sqlite"))
    assert "a[/b][red]" in stats.stdout
    assert "\x1b" not in done.stdout + done.stderr + stats.stdout


def test_a_redirect_is_not_followed(tmp_path, seeds, server):
    server.routes["/info"] = Fault(307, b"", {"Location": "http://other.example/info"})
    flags = ["--seeds", seeds, "--endpoint", server.url, "--responses", str(tmp_path / "r.sqlite")]
    done = run_module("ecd_data.generate", *flags, "--out", str(tmp_path / "build"))
    assert done.returncode == 1
    assert "redirects to http://other.example/info" in done.stderr


@pytest.mark.subprocess
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_stopped_keeps_its_responses_and_nothing_else(tmp_path, server, number, code):
    server.pause = lambda: 0.05
    flags = ["--seeds", "bundled", "--endpoint", server.url, "--responses", str(tmp_path / "r.sqlite")]
    command = [sys.executable, "-m", "ecd_data.generate", *flags, "--out", str(tmp_path / "build")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while len(server.bodies) < 30 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code, errors
    assert "run the same command again" in errors
    assert "Traceback" not in errors
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    with Store(tmp_path / "r.sqlite", read_only=True) as store:
        assert store.count() >= 10


def test_pairs_of_all_gaps_are_a_flag_over_the_recipe(tmp_path, seeds, server):
    (tmp_path / "recipe.yaml").write_text("{operations: [style/*_case], routes: {repair: 1}, splits: {train: 1.0}}")
    flags = ["--seeds", seeds, "--endpoint", server.url, "--responses", str(tmp_path / "r.sqlite")]
    flags += ["--recipe", str(tmp_path / "recipe.yaml"), "--rounds", "1", "--pairs", "all"]
    done = run_module("ecd_data.generate", *flags, "--out", str(tmp_path / "build"))
    assert done.returncode == 0, done.stderr
    assert "pairs: all\n" in (tmp_path / "build" / "recipe.yaml").read_text()
    assert "attempted > evolved > adapted > passed > pairs" in done.stdout
    assert "- style                 1 > 1 > 1 > 1 > 1" in done.stdout


@pytest.mark.subprocess
def test_help_needs_no_large_library():
    verbs = ", ".join(
        f"ecd_data.{verb}"
        for verb in ("generate", "publish", "calibrate", "evaluate", "validate", "verify", "compare", "report", "demo")
    )
    large = "{'datasets', 'pyarrow', 'torch', 'huggingface_hub', 'http.server', 'asyncio'}"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {verbs}; print({large} & set(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"


def test_a_preview_shows_chains_and_writes_no_build(tmp_path, server):
    flags = ["--seeds", "bundled", "--endpoint", server.url, "--responses", str(tmp_path / "r.sqlite")]
    flags += ["--rounds", "1", "--recipe", "local", "--out", str(tmp_path / "build"), "--price", "1", "2"]
    done = run_module("ecd_data.generate", *flags, "--preview", "2", "--log-json", str(tmp_path / "run.jsonl"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\nround 1  ") == 2
    assert "all 504 seeds, if they are like the first 2\n  calls  " in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "chains: 2/2" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.sqlite", "run.jsonl"]
    asked = len(server.bodies)
    replay = run_module("ecd_data.generate", *flags, "--preview", "2", "--replay")
    assert len(server.bodies) == asked
    assert replay.stdout.partition("all 504")[0] == done.stdout.partition("all 504")[0]


def test_a_run_is_logged_from_beginning_to_end_without_a_token(tmp_path, seeds, server):
    (tmp_path / "recipe.yaml").write_text("{operations: [style/*_case], routes: {repair: 1}, splits: {train: 1.0}}")
    flags = ["--seeds", seeds, "--endpoint", server.url, "--responses", str(tmp_path / "r.sqlite")]
    flags += ["--recipe", str(tmp_path / "recipe.yaml"), "--rounds", "1", "--log-json", str(tmp_path / "run.jsonl")]
    flags += ["--metrics-port", "0", "--out", str(tmp_path / "build")]
    done = run_module("ecd_data.generate", *flags, ECD_TOKEN="ecd_secret")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^metrics at http://127.0.0.1:\d+/metrics$", done.stderr, re.MULTILINE)
    text = (tmp_path / "run.jsonl").read_text()
    events = [json.loads(line) for line in text.splitlines()]
    assert [event["event"] for event in events] == ["run_started", "stage_started", "chain", "run_finished"]
    manifest = json.loads((tmp_path / "build" / "manifest.json").read_text())
    assert {name: events[-1][name] for name in ("counts", "funnel", "calls")} == {
        name: manifest[name] for name in ("counts", "funnel", "calls")
    }
    assert "ecd_secret" not in text
    assert "fruit" not in text


def test_a_port_that_is_taken_stops_the_run_before_a_call(tmp_path, seeds, server):
    flags = ["--seeds", seeds, "--endpoint", server.url, "--out", str(tmp_path / "build")]
    done = run_module("ecd_data.generate", *flags, "--metrics-port", server.url.rpartition(":")[2])
    assert done.returncode == 1
    assert "Address already in use" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not server.bodies


@pytest.mark.parametrize("flags", [["--price", "-1", "2"], ["--price", "nan", "2"], ["--metrics-port", "65536"]])
def test_a_price_and_a_port_have_bounds(flags):
    done = run_module("ecd_data.generate", *flags)
    assert done.returncode == 2
    assert f"argument {flags[0]}" in done.stderr


def test_publish_wants_a_build_or_seeds(tmp_path):
    done = run_module("ecd_data.publish", "org/ecd")
    assert done.returncode == 2
    assert "give either --build DIR, or --seeds SRC" in done.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--build", "build", "--out", "other"], "--out is for a build made from --seeds"),
        (["--build", "build", "--create-pr", "--tag", "v1"], "once the pull request is merged"),
        (["--build", "build", "--create-pr", "--revision", "dev"], "leave out --revision"),
        (["--build", "build", "--tag", "version 1"], "not a valid tag name: 'version 1'"),
        (["--build", "build", "--gated", "yes"], "'auto', 'manual'"),
    ],
)
def test_flags_of_publish_that_do_not_go_together_are_refused(flags, message):
    done = run_module("ecd_data.publish", "org/ecd", *flags)
    assert done.returncode == 2
    assert message in done.stderr


def test_publish_shows_what_it_would_do_does_it_and_says_how_to_load_it(make_build, tmp_path):
    builds = [str(make_build("first")), str(make_build("second", recipe=replace(RECIPE, rounds=1)))]
    with Hub(tmp_path / "hub") as hub:
        environment = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token, "HF_HOME": str(tmp_path / "home")}

        def publish(build, *flags):
            done = run_module("ecd_data.publish", "org/ecd", "--build", build, *flags, **environment)
            assert done.returncode == 0, done.stderr
            return done.stdout

        assert "org/ecd: would be created at main\nfiles\n  + README.md  " in publish(builds[0], "--dry-run")
        assert f"published: {hub.url}/datasets/org/ecd/commit/" in publish(builds[0], "--tag", "v1")
        dry = publish(builds[1], "--dry-run")
        assert re.search(r"\nrows\n  ~ preference/test  \d+ -> \d+\n", dry)
        assert "\n  -| rounds | 2 per seed: " in dry
        assert dry.endswith("nothing was published (dry run)\n")
        request = publish(builds[1], "--create-pr")
        assert f"published: {hub.url}/datasets/org/ecd/discussions/1\n" in request
        assert 'load_dataset("org/ecd", revision="refs/pr/1")' in request
        assert publish(builds[0], "--dry-run") == "nothing to publish: the Hub holds this content\n"
        assert 'load_dataset("org/ecd", revision="v2")' in publish(builds[1], "--tag", "v2")
        assert len(HfApi(hub.url, token=hub.token).list_repo_commits("org/ecd", repo_type="dataset")) == 3


def test_publish_names_the_token_before_any_work(tmp_path, seeds):
    with Hub(tmp_path / "hub") as hub:
        flags = ["--seeds", seeds, "--endpoint", "http://127.0.0.1:9"]
        done = run_module("ecd_data.publish", "org/ecd", *flags, HF_ENDPOINT=hub.url, HF_HOME=str(tmp_path / "home"))
    assert done.returncode == 1
    assert "token" in done.stderr
    assert "127.0.0.1:9 " not in done.stderr


def test_publish_refuses_a_folder_that_is_no_build(tmp_path):
    with Hub(tmp_path / "hub") as hub:
        done = run_module(
            "ecd_data.publish",
            "org/ecd",
            "--build",
            str(tmp_path),
            HF_ENDPOINT=hub.url,
            HF_TOKEN=hub.token,
            HF_HOME=str(tmp_path / "home"),
        )
    assert done.returncode == 1
    assert "is not a build directory" in done.stderr


def test_validate_says_what_it_was_given(tmp_path):
    done = run_module("ecd_data.validate", str(tmp_path))
    assert done.returncode == 1
    assert "it has no manifest.json" in done.stderr
