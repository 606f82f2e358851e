"""A text-generation-inference endpoint on loopback with a real small model: `with TextGeneration() as tgi: tgi.url`.

The model runs in llama.cpp, in a process of its own that ends with this one; in front of it stand TGI's routes.
Unlike TGI's, the log-probabilities are the model's own: before temperature, top-p and grammar.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ecd_data.local import model


class TextGeneration:
    """The endpoint, as a context manager: it answers inside the block and leaves nothing behind.

    Args:
        gguf: the model file; the bundled SmolLM2-135M-Instruct if none.
        port: 0 takes a free one.
        slots: requests answered side by side; more wait.
        context: tokens of prompt and answer together, per slot.
        threads: CPU threads; as many as this process may use if none.

    Attributes:
        url: where it answers.
        model_id, revision: what `/info` reports; the revision is the file's SHA-256, 40 hex digits of it.

    Raises:
        LocalModelError: on entering, if a package or the file is missing or llama.cpp cannot load it.
    """

    def __init__(
        self,
        gguf: Path | None = None,
        *,
        port: int = 0,
        slots: int = 8,
        context: int = 2048,
        threads: int | None = None,
    ) -> None:
        self._config = {"gguf": gguf, "port": port, "slots": slots, "context": context, "threads": threads or _cores()}

    def __enter__(self) -> TextGeneration:
        if importlib.util.find_spec("xllamacpp") is None:
            raise model.LocalModelError('xllamacpp is not installed: run `pip install "ecd-data[local]"`')
        gguf = Path(self._config["gguf"] or model.find_model())  # type: ignore[arg-type]
        if not gguf.is_file():
            raise model.LocalModelError(f"no such model file: {gguf}; --model takes the path of a GGUF file")
        self.model_id, self.revision = model.model_id(gguf), model.revision(gguf)
        config = {**self._config, "gguf": str(gguf), "model_id": self.model_id, "revision": self.revision}
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ecd_data.local.tgi", json.dumps(config)],
            stdin=subprocess.PIPE,  # it is closed when this process ends, and then the child ends too
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is for this process, which then stops the child
            # OpenMP threads that spin while they wait starve every other process on a small machine.
            env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"},
        )
        try:
            assert self._process.stdout is not None
            self.url = self._process.stdout.readline().decode().strip()
            if not self.url:
                self._process.wait()
                self._log.seek(0)
                reason = self._log.read().decode(errors="replace").strip().splitlines()[-1:]
                raise model.LocalModelError(
                    f"cannot serve {gguf}: {''.join(reason) or 'llama.cpp ended while it started'}"
                )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # it has nothing to save
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            assert pipe is not None
            pipe.close()

    @property
    def running(self) -> bool:
        """False once the model's process has ended on its own."""
        return self._process.poll() is None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
