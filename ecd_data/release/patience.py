"""Calls of the Hub: passing trouble is waited out, lasting trouble explained, and the token told to nobody."""

from __future__ import annotations

import json
import random
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

from ecd_data.core.errors import PublishError

TRIES = 6
LONGEST = 60.0  # seconds between two tries
PASSING = {408, 409, 412, 425, 429, 500, 502, 503, 504}
# JSONDecodeError: a page of a gateway where the client reads JSON before it looks at the status.
# FileMetadataError: a download that a proxy spoiled. UnicodeEncodeError: of a token that no header can carry.
TROUBLE = (
    httpx.HTTPError,
    ConnectionError,
    json.JSONDecodeError,
    FileMetadataError,
    UnicodeEncodeError,
    LocalTokenNotFoundError,
)
LASTING = (UnicodeEncodeError, LocalTokenNotFoundError, OfflineModeIsEnabled, httpx.LocalProtocolError)
Result = TypeVar("Result")


class Patience:
    """Makes calls of one repository's Hub.

    Args:
        api: the Hub and its token.
        repo_id: what the messages name.
        sleep: for tests.
    """

    def __init__(self, api: HfApi, repo_id: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self.api, self.repo_id, self._sleep = api, repo_id, sleep

    def __call__(self, step: Callable[[], Result], tries: int = TRIES) -> Result:
        """What `step` returns; it is called again after passing trouble, so it must go on from what it finds.

        Raises:
            PublishError: the trouble lasted, or is none that passes.
        """
        for attempt in range(1, tries + 1):
            try:
                return step()
            except Exception as error:
                trouble = find_trouble(error)
                if trouble is None:
                    raise
                explained = self.explained(trouble)
                if not _passes(trouble):
                    break
            if attempt < tries:
                self._sleep(min(LONGEST, 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0))
        # Outside of `except`: the library's error has the request, and with it the token, and stays behind.
        raise explained

    def explained(self, error: Exception) -> PublishError:
        """What the Hub said, with what to do about it."""
        where = f"{self.api.endpoint} ({self.repo_id})"
        settings = f"{self.api.endpoint}/settings/tokens"
        if isinstance(error, LocalTokenNotFoundError):
            return PublishError(f"no Hub token. Make one with write access at {settings}; set HF_TOKEN to it.")
        if isinstance(error, UnicodeEncodeError) or "Illegal header value" in str(error):
            return PublishError("the Hub token has characters that no HTTP header can carry: check HF_TOKEN.")
        if isinstance(error, HfHubHTTPError):
            status, said = error.response.status_code, self._said(error.server_message or error)
            if status == 401:
                return PublishError(f"{where}: the Hub does not accept the token ({said}). Make one at {settings}.")
            if status == 403:
                return PublishError(
                    f"{where}: the token may not write there ({said}). Make one with write access to "
                    f"{self.repo_id.split('/')[0]} at {settings}, or choose another id."
                )
            return PublishError(
                f"{where}: the Hub answered {status} ({said}). Run the same command again to continue."
            )
        return PublishError(
            f"{where}: the Hub cannot be reached ({self._said(error)}). Check HF_ENDPOINT and the network, then run "
            "the same command again."
        )

    def _said(self, what: object) -> str:
        """A message on one line, without the token: a server may repeat it, and so does a client that refuses it."""
        text = " ".join(str(what).split())
        for token in (self.api.token, get_token()):
            if isinstance(token, str) and token:
                for form in (token, repr(token)[1:-1]):
                    text = text.replace(form, "[token]")
        return text[:300]


def find_trouble(error: BaseException | None) -> Exception | None:
    """The trouble with the Hub behind an error, if there is one: the library wraps that of an upload or download."""
    while error is not None and not isinstance(error, TROUBLE):
        error = error.__cause__
    return error


def _passes(error: Exception) -> bool:
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in PASSING
    return not isinstance(error, LASTING)
