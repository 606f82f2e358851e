"""A causal language model that runs in this process, with transformers: it answers many requests in one batch.

weights = Weights("out")  # a folder, or a model id on the Hub
run(chains, store, ModelSource(weights.model, weights))
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ecd_data.core.errors import CallFailed, EvaluationError
from ecd_data.core.hashing import files_sha256
from ecd_data.core.hub import resolve_commit
from ecd_data.core.request import Model, Request, Response

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Files of a folder that shape answers; a trainer leaves its own state beside them.
SHAPING = {".safetensors", ".bin", ".json", ".jinja", ".model", ".txt"}
NOT_SHAPING = {"trainer_state.json", "training_args.bin"}


class Weights:
    """A model for the scheduler, in place of endpoints; `model` is its identity in the response store.

    The revision of a folder is the hash of its files, that of a model on the Hub its commit. The weights are loaded
    with the first request. Prompts are padded on the left; at temperature 0, answers are greedy. An answer may depend
    on the others of its batch where two tokens are about equally likely, so only the stored answer is repeatable.

    Args:
        name: folder or model id.
        revision: branch, tag or commit of a model on the Hub.
        batch: answers that are generated at the same time.
        dtype: precision of the arithmetic, which makes it another model to the store; by default that of the weights.

    Raises:
        EvaluationError: there is no such model, it has no chat template, or transformers is missing.
    """

    retries = 0

    def __init__(self, name: str, revision: str | None = None, batch: int = 8, dtype: str = "auto") -> None:
        self.name = name
        self.batch = batch
        self.dtype = dtype
        self._opened, self._tokenizer = _open(name, revision)
        self.model = self._opened
        if dtype != "auto":
            self.model = replace(self._opened, revision=f"{self._opened.revision}+{dtype}")
        self._loaded: Any = None
        self._waiting: list[tuple[Request, asyncio.Future[Response]]] = []
        self._worker: asyncio.Task[None] | None = None
        self._generating = 0
        self._stop = threading.Event()

    @property
    def capacity(self) -> int:
        """Requests that are taken at a time: two batches, so that the next one is ready when one is done."""
        return 2 * self.batch

    @property
    def limit(self) -> int:
        """Answers that are generated at the same time."""
        return self.batch

    @property
    def in_flight(self) -> int:
        """Answers that are being generated."""
        return self._generating

    def __str__(self) -> str:
        return self.name

    async def __aenter__(self) -> Weights:
        self._stop.clear()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._stop.set()  # a batch that is not awaited any more ends with its next token

    async def identify(self, model: str | None = None) -> Model:
        """Return the model."""
        return self.model

    async def complete(self, request: Request, priority: tuple[int, ...] = ()) -> Response:
        """Return the answer to a request, generated together with others that wait.

        Raises:
            CallFailed: the prompt leaves no room for an answer.
            EvaluationError: the model cannot be loaded or does not fit into memory.
        """
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answer))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)  # lets more requests come in
                batch, self._waiting = self._waiting[: self.batch], self._waiting[self.batch :]
                self._generating = len(batch)
                await self._answer(batch)
                self._generating = 0
        finally:
            self._worker = None

    async def _answer(self, batch: Sequence[tuple[Request, asyncio.Future[Response]]]) -> None:
        try:
            answers = await asyncio.to_thread(self._generate, [request for request, _ in batch])
        except Exception as error:
            answers = [error] * len(batch)
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():  # cancelled
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    def _generate(self, requests: Sequence[Request]) -> list[Response | Exception]:
        """Return a response or an error for each of some requests, which share their sampling parameters."""
        import torch

        if self._loaded is None:
            self._loaded = _load(self.name, self._opened.revision, self.dtype)
        room = getattr(self._loaded.config.get_text_config(), "max_position_embeddings", None)
        prompts = [self._encode(request) for request in requests]
        results: list[Response | Exception] = [
            CallFailed("refused", f"{request.name}: the prompt has {len(prompt)} tokens, the model takes {room}.")
            for request, prompt in zip(requests, prompts, strict=True)
        ]
        fitting = [number for number, prompt in enumerate(prompts) if room is None or len(prompt) < room]
        if not fitting:
            return results
        longest = max(len(prompts[number]) for number in fitting)
        max_tokens = requests[0].max_tokens
        if room is not None:
            max_tokens = min(max_tokens, room - longest)
        try:
            answers = self._continue([prompts[number] for number in fitting], requests[0], max_tokens)
        except torch.OutOfMemoryError as error:
            raise EvaluationError(
                f"{self.name} with {len(fitting)} answers at a time does not fit into memory: lower --batch-size or "
                "--max-tokens. Everything answered is stored."
            ) from error
        for number, tokens in zip(fitting, answers, strict=True):
            results[number] = self._response(tokens, len(prompts[number]))
        return results

    def _encode(self, request: Request) -> list[int]:
        import jinja2

        messages = request.canonical()["messages"]
        try:
            encoded = self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)
        except jinja2.TemplateError as error:
            raise EvaluationError(
                f"the chat template of {self.name} does not take the prompt ({error}): evaluate a model that takes "
                f"messages by {', '.join(message['role'] for message in messages)}."
            ) from error
        tokens: list[int] = encoded["input_ids"]
        return tokens

    def _continue(self, prompts: Sequence[list[int]], request: Request, max_tokens: int) -> list[list[int]]:
        """Return the tokens that continue each prompt, with the sampling parameters of a request."""
        import torch
        from transformers import StoppingCriteriaList

        model, stop = self._loaded, self._stop
        padded = self._tokenizer.pad({"input_ids": list(prompts)}, padding_side="left", return_tensors="pt")
        sampling: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        if request.temperature > 0:
            torch.manual_seed(request.seed)
            sampling = {"do_sample": True, "temperature": request.temperature, "top_p": request.top_p, "top_k": 0}

        def stopped(tokens: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
            return torch.full((len(tokens),), stop.is_set(), device=tokens.device)

        with torch.inference_mode():
            out = model.generate(
                **padded.to(model.device),
                max_new_tokens=max_tokens,
                pad_token_id=self._tokenizer.pad_token_id,
                stopping_criteria=StoppingCriteriaList([stopped]),
                **sampling,
            )
        answers: list[list[int]] = out[:, padded["input_ids"].shape[1] :].tolist()
        return answers

    def _response(self, tokens: Sequence[int], prompt_tokens: int) -> Response:
        end = self._loaded.generation_config.eos_token_id
        ends = set(end if isinstance(end, list) else [end]) | {self._tokenizer.eos_token_id}
        length = next((number for number, token in enumerate(tokens) if token in ends), None)
        return Response(
            text=self._tokenizer.decode(tokens[:length], skip_special_tokens=True),
            finish_reason="length" if length is None else "stop",
            prompt_tokens=prompt_tokens,
            completion_tokens=len(tokens) if length is None else length + 1,
        )


def _open(name: str, revision: str | None) -> tuple[Model, PreTrainedTokenizerBase]:
    """Return the identity of a model, and its tokenizer."""
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise EvaluationError(f'{error.name} is not installed: run `pip install "ecd-data[train]"`.') from error
    folder = Path(name)
    if folder.is_dir():
        if revision:
            raise EvaluationError(f"{name} is a folder, which has no revisions: leave out --weights-revision.")
        shaping = (path for path in folder.iterdir() if path.suffix in SHAPING and path.name not in NOT_SHAPING)
        model = Model(folder.resolve().name, f"sha256:{files_sha256(folder, shaping)}")
        commit = None
    else:
        commit = resolve_commit(name, "model", revision, "--weights-revision")
        model = Model(name, commit)
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, revision=commit)
    except (ValueError, OSError) as error:
        raise EvaluationError(f"cannot load the tokenizer of model {name}: {' '.join(str(error).split())}") from error
    if tokenizer.chat_template is None:
        raise EvaluationError(f"model {name} has no chat template: give --weights an instruction-tuned model.")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def _load(name: str, revision: str, dtype: str) -> Any:
    from transformers import AutoModelForCausalLM

    commit = None if Path(name).is_dir() else revision
    try:
        return AutoModelForCausalLM.from_pretrained(name, revision=commit, dtype=dtype, device_map="auto").eval()
    except (ValueError, OSError, ImportError) as error:
        raise EvaluationError(f"cannot load model {name}: {' '.join(str(error).split())}") from error
