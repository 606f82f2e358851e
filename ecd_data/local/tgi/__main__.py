"""The process of a `TextGeneration`: it answers until its parent is gone, or kills it."""

import json
import os
import sys
from pathlib import Path

from ecd_data.local.serving import listen, serving, url_of
from ecd_data.local.tgi.engine import Engine
from ecd_data.local.tgi.routes import application


def serve(gguf: str, model_id: str, revision: str, port: int, slots: int, context: int, threads: int) -> None:
    """Print the URL once the model is loaded, and answer until standard input is closed."""
    listener = listen(port)
    engine = Engine(Path(gguf), slots, context, threads)
    with serving(application(engine, slots=slots, model_id=model_id, revision=revision), listener):
        print(url_of(listener), flush=True)
        sys.stdin.buffer.read()
        os._exit(0)  # llama.cpp's threads would be waited for


if __name__ == "__main__":
    serve(**json.loads(sys.argv[1]))
