import pytest
from huggingface_hub import HfApi

from ecd_data.local.hub import Hub
from ecd_data.release.release import Release

TOKENS = {
    "hf_write": {"name": "ann", "orgs": ["org"], "role": "write"},
    "hf_read": {"name": "ann", "orgs": ["org"], "role": "read"},
    "hf_other": {"name": "bob", "orgs": [], "role": "write"},
}


@pytest.fixture
def hub(tmp_path):
    with Hub(tmp_path / "hub", TOKENS) as hub:
        yield hub


@pytest.fixture
def release(hub):
    def make(token="hf_write", repo_id="org/ecd", sleep=lambda seconds: None, **changes):
        return Release(repo_id, api=HfApi(hub.url, token=token), sleep=sleep, **changes)

    return make
