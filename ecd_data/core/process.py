"""What a process does when it is asked to end, and when the one that started it has ended."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from types import FrameType


class Terminated(BaseException):
    """The process was asked to end."""


@contextmanager
def terminable() -> Iterator[None]:
    """Raise `Terminated` on SIGTERM inside the block, so that what runs can put away what it has."""
    with _on_sigterm(_terminate):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold SIGTERM back until the end of the block."""
    received: list[int] = []
    try:
        with _on_sigterm(lambda number, _: received.append(number)):
            yield
    finally:
        if received:
            signal.raise_signal(signal.SIGTERM)


def end_with_parent() -> None:
    """Send SIGTERM to this process once its parent is gone: a parent that was killed cannot say so."""
    parent = parent_process()
    assert parent

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep what the block imports out of garbage collection, now and later: it stays for good."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def _on_sigterm(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Handle SIGTERM inside the block. Python allows that in the main thread only; elsewhere nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(*_: object) -> None:
    raise Terminated
