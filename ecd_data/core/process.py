"""Processes that end cleanly: on SIGTERM, and when their parent has ended; and imports kept out of the collector."""

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from types import FrameType


class Terminated(BaseException):
    """The process received SIGTERM."""


@contextmanager
def raise_on_sigterm() -> Iterator[None]:
    """Raise `Terminated` on SIGTERM inside the block, so that the code in it can clean up."""
    with _handle_sigterm(_terminate):
        yield


@contextmanager
def defer_sigterm() -> Iterator[None]:
    """Hold back a SIGTERM until the end of the block."""
    received: list[int] = []
    try:
        with _handle_sigterm(lambda number, _: received.append(number)):
            yield
    finally:
        if received:
            signal.raise_signal(signal.SIGTERM)


def end_with_parent() -> None:
    """Send SIGTERM to this process once its parent has ended, which a killed parent cannot do itself."""
    parent = parent_process()
    assert parent

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def exempt_from_gc() -> Iterator[None]:
    """Exempt the objects that the block creates, such as imported modules, from garbage collection for good."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def _handle_sigterm(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Handle SIGTERM inside the block. Python allows it in the main thread only; in others nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _terminate(*_: object) -> None:
    raise Terminated
