import asyncio

from ecd_data.calls.batch_writer import Commits
from ecd_data.core.errors import StoreError
from ecd_data.core.request import Model, Request, Response

MODEL = Model("m", "1")


class Recorder:
    """Stands in for a store: remembers what was committed together."""

    def __init__(self, error: Exception | None = None) -> None:
        self.commits: list[list[str]] = []
        self.error = error

    def put_many(self, answers):
        if self.error:
            raise self.error
        self.commits.append([key for key, *_ in answers])
        return [response for *_, response in answers]


def put(commits, key):
    request = Request("edit", "seed", 1, 0, ({"role": "user", "content": key},), 0, 8, 1.0, 0.9)
    return commits.put(key, MODEL, request, Response(f"text of {key}", "stop", 1, 1))


def test_answers_that_come_together_are_committed_together():
    recorder = Recorder()

    async def run():
        commits = Commits(recorder, lambda: 64)
        return await asyncio.gather(*(put(commits, f"key{n}") for n in range(4)))

    responses = asyncio.run(run())
    assert [response.text for response in responses] == [f"text of key{n}" for n in range(4)]
    assert recorder.commits == [["key0", "key1", "key2", "key3"]]


def test_the_last_answers_of_a_run_wait_for_no_other():
    recorder = Recorder()

    async def run():
        commits = Commits(recorder, lambda: 0)
        for key in ("a", "b"):
            await asyncio.wait_for(put(commits, key), timeout=0.09)

    asyncio.run(run())
    assert recorder.commits == [["a"], ["b"]]


def test_an_answer_without_company_is_committed_all_the_same():
    recorder = Recorder()
    asyncio.run(put(Commits(recorder, lambda: 1000), "a"))
    assert recorder.commits == [["a"]]


def test_what_was_gathered_when_the_run_ends_is_written():
    recorder = Recorder()

    async def run():
        commits = Commits(recorder, lambda: 1000)
        waiting = asyncio.create_task(put(commits, "a"))
        await asyncio.sleep(0)
        waiting.cancel()
        await commits.close()

    asyncio.run(run())
    assert recorder.commits == [["a"]]


def test_an_error_of_the_store_reaches_everyone_who_waits():
    async def run():
        commits = Commits(Recorder(StoreError("full")), lambda: 32)
        return await asyncio.gather(put(commits, "a"), put(commits, "b"), return_exceptions=True)

    assert [type(error) for error in asyncio.run(run())] == [StoreError, StoreError]
