"""Chains for tests, whose every request depends on the answers before it."""

from collections.abc import Generator, Sequence

from ecd_data.core.request import Request, Response
from tests.helpers.fake_endpoint import make_request

Talk = Generator[Sequence[Request], list[Response], list[str]]


def talk(number: int, rounds: int = 3) -> Talk:
    """A chain whose requests depend on the answers before them: one, two or three at a time."""
    texts: list[str] = []
    for turn in range(rounds):
        requests = [
            make_request(number, round=turn, attempt=attempt, messages=({"role": "user", "content": "".join(texts)},))
            for attempt in range(1 + (number + turn) % 3)
        ]
        texts += [response.text for response in (yield requests)]
    return texts


def calls_of(chains: int) -> int:
    """Return how many requests the first `chains` chains make."""
    return sum(1 + (number + turn) % 3 for number in range(chains) for turn in range(3))
