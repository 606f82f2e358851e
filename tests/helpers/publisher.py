"""A publisher in a process of its own, to be killed. It imports nothing but what publishes, so that it starts fast."""

import os

from huggingface_hub import HfApi, constants

from ecd_data.release.release import Release


def publish(url, token, build, terms, cache, started):
    """Publishes a build, after it has put its process id into the queue."""
    constants.HF_HUB_CACHE = cache
    started.put(os.getpid())
    Release("org/ecd", terms=terms, api=HfApi(url, token=token)).publish(build, "New")
