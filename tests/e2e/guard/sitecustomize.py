"""Put on PYTHONPATH, it lets a process and its children connect to loopback alone, and notes every other attempt."""

import os
import sys


def _watch(event: str, arguments: tuple) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else host
    if name not in (None, "", "localhost", "::1", "0.0.0.0") and not str(name).startswith("127."):
        with open(os.environ["ECD_GUARD_LOG"], "a") as log:
            log.write(f"{name}\n")
        raise PermissionError(f"the test allows no connection to {name}")


sys.addaudithook(_watch)
