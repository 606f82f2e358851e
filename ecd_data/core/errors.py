"""The exceptions of `ecd_data`: each message says what happened and what to do about it.

Commands print an `EcdError` as one line and exit with `exit_code`; any other exception is a bug.
"""

from __future__ import annotations

from pathlib import Path


class EcdError(Exception):
    """Base class of the errors that a user can fix."""

    exit_code = 1


class SeedError(EcdError):
    """The seed corpus cannot be read, or a seed in it cannot be used."""


class RecipeError(EcdError):
    """The recipe has an unknown key, a value out of range or an operation that does not exist."""


class EndpointError(EcdError):
    """The endpoint cannot be reached, refuses a request or gives an answer that cannot be used."""


class EndpointUnavailable(EndpointError):
    """The endpoint does not respond, or is not ready yet."""


class ModelNotServed(EndpointError):
    """The endpoint does not serve the model that is asked for."""


class CallFailed(EndpointError):
    """One call failed for good; others may well be answered.

    Args:
        reason: code: `refused` (the endpoint does not accept this request) or `no_answer` (no attempt gave an answer
            that can be used).
        message: for the user.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type[CallFailed], tuple[str, str]]:
        return CallFailed, (self.reason, str(self))


class StoreError(EcdError):
    """The response store cannot be opened or written, or lacks what a replay needs."""


class GateError(EcdError):
    """A row or a build is not valid; nothing of it is written or published."""


class BuildError(EcdError):
    """A build directory cannot be read or written."""


class PublishError(EcdError):
    """The Hub refuses the release, or holds something that must not be overwritten."""


class RepositoryError(EcdError):
    """The Hub has no such repository or revision, or cannot be reached."""


class EvaluationError(EcdError):
    """The data, the model or an earlier result does not allow the evaluation."""


class ProgressError(EcdError):
    """A run's log file or its port for metrics cannot be opened."""


def cannot_write(path: Path, error: OSError) -> BuildError:
    """Return the error of a run that could not write a file, for instance because the disk is full."""
    return BuildError(
        f"{path}: cannot be written ({error.strerror or error}). Make room or choose another --out, then run the same "
        "command again: every response so far is stored and will not be asked for twice."
    )
