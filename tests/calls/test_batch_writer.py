import asyncio

from ecd_data.calls.batch_writer import BatchWriter
from ecd_data.core.errors import StoreError
from ecd_data.core.request import Model, Request, Response

MODEL = Model("m", "1")


class Recorder:
    """Stands in for a store and records what is committed together."""

    def __init__(self, error: Exception | None = None) -> None:
        self.commits: list[list[str]] = []
        self.error = error

    def put_many(self, answers):
        if self.error:
            raise self.error
        self.commits.append([key for key, *_ in answers])
        return [response for *_, response in answers]


def put(writer, key):
    request = Request("edit", "seed", 1, 0, ({"role": "user", "content": key},), 0, 8, 1.0, 0.9)
    return writer.put(key, MODEL, request, Response(f"text of {key}", "stop", 1, 1))


def test_responses_that_arrive_together_are_committed_together():
    recorder = Recorder()

    async def run():
        writer = BatchWriter(recorder, lambda: 64)
        return await asyncio.gather(*(put(writer, f"key{n}") for n in range(4)))

    responses = asyncio.run(run())
    assert [response.text for response in responses] == [f"text of key{n}" for n in range(4)]
    assert recorder.commits == [["key0", "key1", "key2", "key3"]]


def test_the_last_responses_of_a_run_wait_for_no_others():
    recorder = Recorder()

    async def run():
        writer = BatchWriter(recorder, lambda: 0)
        for key in ("a", "b"):
            await asyncio.wait_for(put(writer, key), timeout=0.09)

    asyncio.run(run())
    assert recorder.commits == [["a"], ["b"]]


def test_a_response_that_no_other_joins_is_committed_after_a_while():
    recorder = Recorder()
    asyncio.run(put(BatchWriter(recorder, lambda: 1000), "a"))
    assert recorder.commits == [["a"]]


def test_closing_writes_the_batch_even_if_nobody_waits_for_it():
    recorder = Recorder()

    async def run():
        writer = BatchWriter(recorder, lambda: 1000)
        waiting = asyncio.create_task(put(writer, "a"))
        await asyncio.sleep(0)
        waiting.cancel()
        await writer.close()

    asyncio.run(run())
    assert recorder.commits == [["a"]]


def test_an_error_of_the_store_reaches_every_waiting_caller():
    async def run():
        writer = BatchWriter(Recorder(StoreError("full")), lambda: 32)
        return await asyncio.gather(put(writer, "a"), put(writer, "b"), return_exceptions=True)

    assert [type(error) for error in asyncio.run(run())] == [StoreError, StoreError]
