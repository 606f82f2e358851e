"""Which errors of the Hub are waited out, for how long, and which are not."""

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError
from huggingface_hub.utils import httpx

from ecd_data.core.errors import PublishError
from ecd_data.release.hub_retry import LONGEST_PAUSE, TRIES, HubRetry


def http_error(status):
    request = httpx.Request("GET", "http://hub/api")
    return HfHubHTTPError(f"status {status}", response=httpx.Response(status, request=request))


class Step:
    """A step that raises the errors given, one a call, and then succeeds."""

    def __init__(self, *errors):
        self.errors, self.calls = list(errors), 0

    def __call__(self):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def retry(pauses):
    return HubRetry(HfApi("http://hub", token="hf_x"), "org/ecd", sleep=pauses.append)


def test_transient_errors_are_waited_out_longer_each_time(retry, pauses):
    assert retry(Step(http_error(503), httpx.ConnectError("refused"), http_error(429))) == "done"
    assert len(pauses) == 3
    assert all(2**n <= pause <= 2**n + 1 for n, pause in enumerate(pauses))


def test_an_error_that_lasts_is_raised_after_the_last_try(retry, pauses):
    step = Step(*[http_error(503)] * 99)
    with pytest.raises(PublishError, match=r"org/ecd\): the Hub answered 503.*Run the same command again"):
        retry(step)
    assert step.calls == TRIES
    assert len(pauses) == TRIES - 1
    with pytest.raises(PublishError, match="503"):
        retry(step, tries=20)
    assert max(pauses) == LONGEST_PAUSE


@pytest.mark.parametrize(
    ("error", "message"),
    [(http_error(403), "may not write there"), (LocalTokenNotFoundError(), "no Hub token")],
)
def test_other_errors_of_the_hub_are_not_waited_for(retry, pauses, error, message):
    with pytest.raises(PublishError, match=message):
        retry(Step(error))
    assert pauses == []


def test_what_is_no_error_of_the_hub_is_raised_as_it_is(retry):
    with pytest.raises(ZeroDivisionError):
        retry(Step(ZeroDivisionError()))


def test_an_error_of_the_hub_that_the_library_wraps_is_one_too(retry):
    wrapped = RuntimeError("Error while uploading")
    wrapped.__cause__ = http_error(500)
    assert retry(Step(wrapped)) == "done"
