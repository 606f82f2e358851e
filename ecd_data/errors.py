"""The exceptions of `ecd_data`: each message says what happened and what to do about it.

Commands print an `EcdError` as one line and exit with `exit_code`; any other exception is a bug.
"""


class EcdError(Exception):
    """Base of every error that a user can mend."""

    exit_code = 1


class SeedError(EcdError):
    """The seed corpus cannot be read, or a seed in it cannot be used."""


class RecipeError(EcdError):
    """The recipe has an unknown key, a value out of range or an operation that does not exist."""


class EndpointError(EcdError):
    """The text-generation endpoint cannot be reached, refuses the request or answers something unusable."""


class StoreError(EcdError):
    """The response store cannot be opened, written or does not hold what a replay needs."""


class GateError(EcdError):
    """A row or a build does not validate; nothing of it is written or published."""


class BuildError(EcdError):
    """A build directory cannot be written or read."""


class PublishError(EcdError):
    """The Hub refuses the release, or holds something that it must not overwrite."""


class WatchError(EcdError):
    """A run's log file or its port for metrics cannot be opened."""
