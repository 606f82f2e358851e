"""Calls of the Hub: errors that may pass are retried, others explained, and the token is never shown."""

import json
import time
from collections.abc import Callable
from typing import TypeVar

from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import (
    FileMetadataError,
    HfHubHTTPError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
)
from huggingface_hub.utils import httpx
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from ecd_data.core.errors import PublishError

TRIES = 6
LONGEST_PAUSE = 60.0  # seconds between two tries
TRANSIENT_STATUSES = {408, 409, 412, 425, 429, 500, 502, 503, 504}
# JSONDecodeError: a page of a gateway where the client reads JSON before it looks at the status.
# FileMetadataError: a download that a proxy spoiled. UnicodeEncodeError: of a token that no header can carry.
HUB_ERRORS = (
    httpx.HTTPError,
    ConnectionError,
    json.JSONDecodeError,
    FileMetadataError,
    UnicodeEncodeError,
    LocalTokenNotFoundError,
)
LASTING_ERRORS = (UnicodeEncodeError, LocalTokenNotFoundError, OfflineModeIsEnabled, httpx.LocalProtocolError)
Result = TypeVar("Result")


class HubRetry:
    """Makes calls of one repository's Hub, again if need be.

    Args:
        api: the Hub and its token.
        repo_id: the repository that the messages name.
        sleep: takes the seconds to wait between two tries.
    """

    def __init__(self, api: HfApi, repo_id: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self.api, self.repo_id, self._sleep = api, repo_id, sleep

    def __call__(self, step: Callable[[], Result], tries: int = TRIES) -> Result:
        """Return what `step` returns, calling it again after a transient error: it must go on from what it finds then.

        Raises:
            PublishError: the error is not a transient one, or the last try failed too.
        """
        retrying = Retrying(
            retry=retry_if_exception(_is_transient),
            stop=stop_after_attempt(tries),
            wait=wait_exponential_jitter(max=LONGEST_PAUSE),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(step)
        except Exception as error:
            cause = hub_error(error)
            if cause is None:
                raise
            explained = self._explained(cause)
        # Outside of `except`: the library's error has the request, and with it the token, and stays behind.
        raise explained

    def _explained(self, error: Exception) -> PublishError:
        """Return an error that quotes the Hub and says what to do."""
        where = f"{self.api.endpoint} ({self.repo_id})"
        settings = f"{self.api.endpoint}/settings/tokens"
        if isinstance(error, LocalTokenNotFoundError):
            return PublishError(f"no Hub token. Make one with write access at {settings}; set HF_TOKEN to it.")
        if not all(token.isascii() and token.isprintable() for token in self._tokens()):
            return PublishError("the Hub token has characters that no HTTP header can carry: check HF_TOKEN.")
        if isinstance(error, HfHubHTTPError):
            status, message = error.response.status_code, self._without_token(error.server_message or error)
            if status == 401:
                return PublishError(f"{where}: the Hub does not accept the token ({message}). Make one at {settings}.")
            if status == 403:
                return PublishError(
                    f"{where}: the token may not write there ({message}). Make one with write access to "
                    f"{self.repo_id.split('/')[0]} at {settings}, or choose another id."
                )
            return PublishError(
                f"{where}: the Hub answered {status} ({message}). Run the same command again to continue."
            )
        return PublishError(
            f"{where}: the Hub cannot be reached ({self._without_token(error)}). Check HF_ENDPOINT and the network, "
            "then run the same command again."
        )

    def _without_token(self, message: object) -> str:
        """Return a message on one line, without the token: servers repeat it, and so do clients that refuse it."""
        text = " ".join(str(message).split())
        for token in self._tokens():
            for form in (token, repr(token)[1:-1]):
                text = text.replace(form, "[token]")
        return text[:300]

    def _tokens(self) -> list[str]:
        """Return the tokens that a request may have carried."""
        return [token for token in (self.api.token, get_token()) if isinstance(token, str) and token]


def hub_error(error: BaseException | None) -> Exception | None:
    """Return the Hub's or the network's error behind an exception, if there is one: the library wraps some of them."""
    while error is not None and not isinstance(error, HUB_ERRORS):
        error = error.__cause__
    return error


def _is_transient(error: BaseException) -> bool:
    cause = hub_error(error)
    if isinstance(cause, HfHubHTTPError):
        return cause.response.status_code in TRANSIENT_STATUSES
    return cause is not None and not isinstance(cause, LASTING_ERRORS)
