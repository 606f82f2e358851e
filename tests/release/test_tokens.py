"""Tokens that may not publish: one clear message each, and the token's text nowhere."""

import os
import subprocess
import sys
import traceback

import pytest
from aiohttp import web
from huggingface_hub import HfApi

from ecd_data.core.errors import PublishError
from ecd_data.local.hub import Hub
from ecd_data.release.release import Release

SECRET = "hf_Sesame"
USERS = {
    SECRET + "Write": {"name": "ann", "orgs": ["org"], "role": "write"},
    SECRET + "Read": {"name": "ann", "orgs": ["org"], "role": "read"},
    SECRET + "Other": {"name": "bob", "orgs": ["others"], "role": "write"},
}
CASES = [
    (None, "no Hub token. Make one with write access at http://127.0.0.1"),
    (SECRET + "Wrong", "does not accept the token"),
    (SECRET + "Read", "the Hub token is read-only"),
    (SECRET + "Other", "the token may not write there"),
    (SECRET + "\u00e9", "has characters that no HTTP header can carry"),
    (SECRET + "\x01x", "has characters that no HTTP header can carry"),
]


@pytest.fixture
def hub(tmp_path):  # `release` takes this one
    with Hub(tmp_path / "hub", USERS) as hub:
        yield hub


@pytest.mark.subprocess
@pytest.mark.parametrize(("token", "message"), CASES)
@pytest.mark.parametrize("verb", ["publish", "dry-run"])
def test_the_command_says_what_is_wrong_and_not_the_token(hub, make_build, tmp_path, token, message, verb):
    if verb == "dry-run" and token == SECRET + "Other":
        pytest.skip("only writing shows it")
    build, home = make_build(), tmp_path / "home"
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_DEBUG": "1"}
    command = [sys.executable, "-m", "ecd_data.publish", "org/ecd", "--build", str(build)]
    command += ["--dry-run"] if verb == "dry-run" else []
    done = subprocess.run(
        command,
        env=environment | ({"HF_TOKEN": token} if token else {}),
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    assert message in errors[0]
    assert SECRET not in done.stdout + done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert not HfApi(hub.url, token=SECRET + "Write").repo_exists("org/ecd", repo_type="dataset")


@pytest.mark.subprocess
def test_a_release_that_succeeds_tells_no_token_either(hub, make_build, tmp_path):
    build, home = make_build(), tmp_path / "home"
    variables = {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_DEBUG": "1", "HF_TOKEN": SECRET + "Write"}
    command = [sys.executable, "-m", "ecd_data.publish", "org/ecd", "--build", str(build), "--tag", "v1"]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize(("token", "message"), [*CASES[1:], (SECRET + "\nx", "no HTTP header can carry")])
def test_no_exception_has_the_token(release, make_build, token, message):
    with pytest.raises(PublishError) as caught:
        check_and_publish(release(token), make_build())
    assert message in str(caught.value)
    assert SECRET not in everything(caught.value)
    with pytest.raises(PublishError) as caught:
        release(token).publish(make_build("again", pool=None), "Mine")
    assert SECRET not in everything(caught.value)


def check_and_publish(publisher, build):
    publisher.check_access()
    publisher.publish(build, "Mine")


class RepeatingHub(Hub):
    """A Hub that refuses everything, and repeats the token."""

    @web.middleware
    async def answer(self, request, handler):
        message = f"Forbidden for {request.headers['Authorization']}"
        return web.json_response({"error": message}, status=403, headers={"X-Error-Message": message})


def test_a_server_that_repeats_the_token_is_not_quoted(make_build, tmp_path):
    with RepeatingHub(tmp_path / "hub") as hub:
        api = HfApi(hub.url, token=SECRET + "Write")
        with pytest.raises(PublishError, match=r"Forbidden for Bearer \[token\]") as caught:
            Release("org/ecd", api=api, sleep=lambda seconds: None).publish(make_build(), "Mine")
    assert SECRET not in everything(caught.value)


def everything(error):
    """What an exception and those behind it say."""
    texts = traceback.format_exception(error)
    while error is not None:
        texts += [str(error), repr(error), repr(error.args)]
        error = error.__cause__ or error.__context__
    return "\n".join(texts)
