"""`python -m` without a process of its own, which would take seconds to import what a command needs."""

import runpy
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile

import pytest


@dataclass(frozen=True)
class Done:
    """The exit code of a command, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def run_module(module, *arguments, **environment) -> Done:
    """Run a module as `python -m` does, with these arguments, in this environment on top of that of the tests."""
    new_file = partial(TemporaryFile, "w+", encoding="utf-8")  # child processes can write to it too
    with new_file() as out, new_file() as err, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [module, *map(str, arguments)])
        for name, value in environment.items():
            patch.setenv(name, str(value))
        use_hub(patch, environment)
        code = 0
        with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'.*' found in sys.modules", RuntimeWarning)
            try:
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            except SystemExit as ended:
                code = ended.code or 0
        return Done(code, *map(written, (out, err)))


def written(file):
    """What has been written to a file."""
    file.seek(0)
    return file.read()


def use_hub(patch, environment):
    """Set what the libraries read from `HF_ENDPOINT` and `HF_HOME` when they were imported."""
    import datasets
    from huggingface_hub import constants

    if url := environment.get("HF_ENDPOINT"):
        patch.setattr(constants, "ENDPOINT", url)
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
        patch.setattr(datasets.config, "HF_ENDPOINT", url)
    if home := environment.get("HF_HOME"):
        patch.setattr(constants, "HF_HUB_CACHE", str(Path(home, "hub")))
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", Path(home, "datasets"))
