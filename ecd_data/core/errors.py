"""The exceptions of `ecd_data`: each message says what happened and what to do about it.

Commands print an `EcdError` as one line and exit with `exit_code`; any other exception is a bug.
"""

from __future__ import annotations

from pathlib import Path


class EcdError(Exception):
    """Base of every error that a user can mend."""

    exit_code = 1


class SeedError(EcdError):
    """The seed corpus cannot be read, or a seed in it cannot be used."""


class RecipeError(EcdError):
    """The recipe has an unknown key, a value out of range or an operation that does not exist."""


class EndpointError(EcdError):
    """The text-generation endpoint cannot be reached, refuses the request or answers something unusable."""


class EndpointSilent(EndpointError):
    """The endpoint does not answer, or not yet."""


class OtherModel(EndpointError):
    """The endpoint does not serve the model that is asked for."""


class CallFailed(EndpointError):
    """One call failed for good, while others may well be answered.

    `reason` is a code: `refused` (the endpoint does not take this request) or `no_answer` (no try gave a usable one).
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type[CallFailed], tuple[str, str]]:
        return CallFailed, (self.reason, str(self))


class StoreError(EcdError):
    """The response store cannot be opened, written or does not hold what a replay needs."""


class GateError(EcdError):
    """A row or a build does not validate; nothing of it is written or published."""


class BuildError(EcdError):
    """A build directory cannot be written or read."""


class PublishError(EcdError):
    """The Hub refuses the release, or holds something that it must not overwrite."""


class RepositoryError(EcdError):
    """The Hub has no such repository or revision, or cannot be asked."""


class EvaluationError(EcdError):
    """The data, the model or an older result does not allow the evaluation that was asked for."""


class WatchError(EcdError):
    """A run's log file or its port for metrics cannot be opened."""


def cannot_write(path: Path, error: OSError) -> BuildError:
    """What a disk that is full, or a folder that may not be written to, means for a run."""
    return BuildError(
        f"{path}: cannot be written ({error.strerror or error}). Make room or choose another --out, then run the same "
        "command again: every response so far is stored and will not be asked for twice."
    )
