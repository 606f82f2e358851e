"""Answers of the real model that were recorded, so that a build of hundreds of them takes seconds.

Where prompts, plans or recipes are meant to change, the model is asked again (`ecd` takes 20 minutes of a core):

    python -m tests.helpers.recorded ecd
"""

import argparse
import tempfile
from pathlib import Path

from tests.helpers.in_process import run_module

FOLDER = Path(__file__).parents[1] / "fixtures" / "recorded"
MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
SEEDS = {"ecd": 100, "rlcd": 12, "spar": 8, "strength": 10, "pad": 10}  # of the bundled ones
NAMES = {"strength": ["strong", "mid", "weak"], "pad": ["student", "teacher"]}  # all of them are the one model


def flags(name, folder, seeds=None):
    """The flags of the recorded generation `name`, or of its first `seeds`, whoever answers, all in `folder`."""
    where = ["--responses", folder / "responses.sqlite", "--out", folder / "build"]
    return ["--seeds", "bundled", "--limit", seeds or SEEDS[name], "--recipe", FOLDER / f"{name}.yaml", *where]


def replay_flags(name):
    """The flags that have stored answers take the place of the model's."""
    return ["--replay", *(part for model in NAMES.get(name, []) for part in ("--model", f"{model}={MODEL}"))]


def live_flags(name, url):
    """The flags that have the model at `url` answer."""
    return [f"--endpoint={model}={url}" if model else f"--endpoint={url}" for model in NAMES.get(name, [""])]


def import_responses(name, folder):
    """Put the recorded answers into the response store of `folder`."""
    done = run_module("ecd_data.responses", "import", recording(name), "--responses", folder / "responses.sqlite")
    assert done.returncode == 0, done.stderr


def replay(name, folder):
    """Return the build in `folder` that the recorded answers make."""
    import_responses(name, folder)
    done = run_module("ecd_data.generate", *flags(name, folder), *replay_flags(name))
    assert done.returncode == 0, (
        f"{recording(name)} does not fit what is asked now. If prompts, plan or recipe were meant to change, run "
        f"`python -m tests.helpers.recorded {name}`, which asks the model again. {done.stderr}"
    )
    return folder / "build"


def live(name, folder, seeds=None):
    """Return the build in `folder` of answers that the model gives now, to the first `seeds` or to all."""
    from ecd_data.local.tgi import TextGeneration

    with TextGeneration() as server:
        asking = [*live_flags(name, server.url), "--timeout", 600]
        done = run_module("ecd_data.generate", *flags(name, folder, seeds), *asking)
    assert done.returncode == 0, done.stderr
    return folder / "build"


def recording(name):
    """The file of recorded answers."""
    return FOLDER / f"{name}.parquet"


def record(name):
    """Ask the model, and write its answers to their file."""
    print(f"asking the model for what {name} needs ...")
    with tempfile.TemporaryDirectory() as folder:
        live(name, Path(folder))
        store = Path(folder, "responses.sqlite")
        done = run_module("ecd_data.responses", "export", "--responses", store, "--out", recording(name))
    print(done.stdout, done.stderr, sep="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=record.__doc__)
    parser.add_argument("name", choices=SEEDS)
    record(parser.parse_args().name)
