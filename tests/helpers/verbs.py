"""The verbs as a user calls them, in this process: one of its own takes seconds to import what a verb needs."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Done:
    """The exit code of a verb, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def run_verb(module, *arguments, **environment) -> Done:
    """Call `main` of `ecd_data.<module>` with these arguments, in this environment beside that of the tests."""
    main = import_module(f"ecd_data.{module}").main
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", [module, *map(str, arguments)])
        for name, value in environment.items():
            patch.setenv(name, str(value))
        use_hub(patch, environment)
        try:
            code = main()
        except SystemExit as ended:
            code = ended.code
    return Done(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


def use_hub(patch, environment):
    """Set what the libraries read from `HF_ENDPOINT` and `HF_HOME` when they are imported, which has happened."""
    import datasets
    from huggingface_hub import constants

    if url := environment.get("HF_ENDPOINT"):
        patch.setattr(constants, "ENDPOINT", url)
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
        patch.setattr(datasets.config, "HF_ENDPOINT", url)
    if home := environment.get("HF_HOME"):
        patch.setattr(constants, "HF_HUB_CACHE", str(Path(home, "hub")))
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", Path(home, "datasets"))
