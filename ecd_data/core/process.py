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

    def terminate(*_: object) -> None:
        raise Terminated

    with _handle(terminate, signal.SIGTERM):
        yield


@contextmanager
def defer_signals(*numbers: signal.Signals, on_first: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Hold back signals until the end of the block, and call `on_first` when the first one arrives."""
    received: list[int] = []

    def receive(number: int, _: FrameType | None) -> None:
        if not received:
            on_first()
        received.append(number)

    try:
        with _handle(receive, *numbers):
            yield
    finally:
        if received:
            signal.raise_signal(received[0])


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
def _handle(handler: Callable[[int, FrameType | None], object], *numbers: signal.Signals) -> Iterator[None]:
    """Handle signals inside the block. Python allows it in the main thread only; in others nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)
