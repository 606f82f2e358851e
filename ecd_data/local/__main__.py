"""Run both services on loopback until Ctrl-C, and print the lines that point everything else at them.

python -m ecd_data.local
"""

import argparse
import shlex
import signal
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

from ecd_data.cli.console import run_command
from ecd_data.core.errors import EcdError
from ecd_data.local import environment
from ecd_data.local.tgi import TextGeneration

POLL = 0.5  # seconds between looks at whether the model still runs
NEXT = {
    None: "python -m ecd_data.publish demo/ecd --seeds bundled --recipe local --limit 8",
    "tgi": "python -m ecd_data.generate --seeds bundled --recipe local --limit 8",
    "hub": "python -m ecd_data.publish demo/ecd --build build",
}


def serve(only: str | None, gguf: Path | None, hub_dir: Path | None, tgi_port: int, hub_port: int) -> None:
    """Start the services (or `only` one), print their environment and stop them on Ctrl-C or SIGTERM.

    Raises:
        EcdError: a service cannot start, or the model's process has ended on its own.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as services:
        tgi = hub = None
        if only != "hub":
            tgi = services.enter_context(TextGeneration(gguf, port=tgi_port))
        if only != "tgi":
            from ecd_data.local.hub import Hub  # takes a while, and --help does not need it

            folder = hub_dir or Path(services.enter_context(tempfile.TemporaryDirectory(prefix="ecd-hub-")))
            hub = services.enter_context(Hub(folder, port=hub_port))
        variables = environment(tgi.url if tgi else None, hub.url if hub else None, hub.token if hub else None)
        for name, value in variables.items():
            print(f"export {name}={shlex.quote(value)}")
        print(f"# Paste the lines above into another terminal, then type there: {NEXT[only]}", flush=True)
        while not stop.wait(POLL):
            if tgi and not tgi.running:
                raise EcdError("the model's process has ended on its own, perhaps for want of memory; start it again.")


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m ecd_data.local",
        description="A text-generation endpoint with a small real model, and a Hub, both on this machine only.",
        epilog="They run until Ctrl-C. The endpoint takes 0.6 GB of memory with the default model.",
    )
    parser.add_argument("--only", choices=["tgi", "hub"], help="start one of the two; default: both")
    parser.add_argument("--model", type=Path, metavar="GGUF", help="model file; default: SmolLM2-135M-Instruct")
    parser.add_argument(
        "--hub-dir", type=Path, metavar="DIR", help="where repositories stay; default: gone at the end"
    )
    parser.add_argument("--tgi-port", type=int, default=0, metavar="P", help="default: a free one")
    parser.add_argument("--hub-port", type=int, default=0, metavar="P", help="default: a free one")
    args = parser.parse_args()
    return run_command(lambda: serve(args.only, args.model, args.hub_dir, args.tgi_port, args.hub_port))


if __name__ == "__main__":
    sys.exit(main())
