from dataclasses import replace

import pytest

from ecd_data.progress.snapshot import Snapshot

NOTHING = Snapshot(
    stage="chains",
    note="",
    done=0,
    total=8,
    seconds=0.0,
    seconds_left=None,
    calls_per_second=0.0,
    tokens_per_second=0.0,
    chains_done=0,
    chains_total=8,
    pairs=0,
    rejects={},
    calls=0,
    stored=0,
    retries=0,
    failed=0,
    in_flight=0,
    limit=0,
    prompt_tokens=0,
    completion_tokens=0,
    cost=None,
)


@pytest.fixture
def snapshot():
    """Returns the snapshot of a run that has just begun, apart from the given numbers."""
    return lambda **changes: replace(NOTHING, **changes)
