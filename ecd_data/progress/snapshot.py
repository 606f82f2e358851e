"""The numbers of a run at one moment: what the progress line, the log and the metrics show."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Snapshot:
    """The numbers of a run at one moment; those without another note are of the whole run.

    stage: name of the current stage.
    note: step of the build; empty in other stages.
    done, total: results of the stage.
    seconds: since the stage began.
    seconds_left: until the stage ends; `None` where it cannot be estimated.
    calls_per_second, tokens_per_second: of the stage, over the last seconds.
    chains_done, chains_total: chains.
    pairs: pairs accepted.
    rejects: number of rejects by `step/reason`.
    calls: calls that an endpoint answered.
    stored: requests that the response store answered.
    retries: attempts after a failed one.
    failed: calls that failed for good.
    in_flight, limit: calls in flight now, and how many may be.
    prompt_tokens, completion_tokens: tokens of `calls`.
    cost: of `calls`, as stored responses cost nothing; `None` without a price.
    """

    stage: str
    note: str
    done: int
    total: int
    seconds: float
    seconds_left: float | None
    calls_per_second: float
    tokens_per_second: float
    chains_done: int
    chains_total: int
    pairs: int
    rejects: Mapping[str, int]
    calls: int
    stored: int
    retries: int
    failed: int
    in_flight: int
    limit: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
