"""Serve aiohttp applications on loopback, each from an event loop on a thread of its own."""

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from aiohttp import web

BACKLOG = 1024  # connections that may come at once; the rest of them would wait for seconds
GRACE = 0.1  # seconds that requests under way get to finish when the server stops
SILENT = logging.getLogger(__name__)  # aiohttp would log requests: they are data, and some have a token
SILENT.disabled = True


def listen(port: int = 0) -> socket.socket:
    """Return a socket that listens on a loopback port; 0 takes a free one.

    Raises:
        OSError: the port is taken.
    """
    return socket.create_server(("127.0.0.1", port), backlog=BACKLOG)


def url_of(listener: socket.socket) -> str:
    """Return the URL under which a listening socket is reached."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def serving(app: web.Application, *listeners: socket.socket) -> Iterator[None]:
    """Serve `app` on the sockets inside the block; outside it they are closed and no connection is open.

    A handler whose client hangs up is cancelled.
    """
    stop: Future[None] = Future()
    thread = threading.Thread(target=asyncio.run, args=[_serve(app, listeners, stop)], daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set_result(None)
        thread.join()


async def _serve(app: web.Application, listeners: tuple[socket.socket, ...], stop: Future[None]) -> None:
    runner = web.AppRunner(app, access_log=None, logger=SILENT, handler_cancellation=True, shutdown_timeout=GRACE)
    await runner.setup()
    try:
        for listener in listeners:
            await web.SockSite(runner, listener, backlog=BACKLOG).start()
        await asyncio.wrap_future(stop)
    finally:
        await runner.cleanup()
