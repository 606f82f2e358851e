"""The models that answer: those behind the endpoints that a user names, or in a replay those of the response store."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

from ecd_data.calls.endpoint import Endpoint
from ecd_data.calls.pool import Pool, identify
from ecd_data.calls.scheduler import ModelSource
from ecd_data.calls.store import Store
from ecd_data.core.errors import EndpointError, StoreError
from ecd_data.core.request import JUDGE


@dataclass(frozen=True)
class ModelSettings:
    """Which models are asked, and how. Tokens are not part of it: they are read from the environment.

    urls: the servers of a model, by its name; the name of the only or main model is empty.
    model_ids: the id of a model, by its name, where a server or the store has several; an id under the empty name
        holds for every name without one.
    judge_url, judge_id: the same for a separate judge.
    replay: use stored responses only.
    min_concurrency, max_concurrency: bounds on the calls in flight at each server.
    max_retries: per call.
    timeout: seconds per attempt at a call.
    """

    urls: Mapping[str, Sequence[str]] = field(default_factory=dict)
    model_ids: Mapping[str, str] = field(default_factory=dict)
    judge_url: str | None = None
    judge_id: str | None = None
    replay: bool = False
    min_concurrency: int = 1
    max_concurrency: int = 16
    max_retries: int = 6
    timeout: float = 120

    def model_id(self, name: str) -> str | None:
        """Return the id to ask for under a name, or `None` if the settings leave it open."""
        return self.model_ids.get(name) or self.model_ids.get("")


def connect(
    settings: ModelSettings, store: Store, names: Sequence[str], judge: ModelSource | None = None
) -> dict[str, ModelSource]:
    """Return the sources of models by name.

    Args:
        settings: which models are asked, and how.
        store: holds the responses of a replay.
        names: of the models.
        judge: a separate judge, whose responses in the store are not those of a model sought here.

    Raises:
        EndpointError: a name has no endpoint, or an endpoint has another name; an endpoint does not say which model it
            serves, or those of one name serve different models.
        StoreError: the store has no such model, or several.
    """
    _check_names(settings, names)
    if settings.replay:
        return {name: _source_in_store(settings.model_id(name), store, name, judge) for name in names}
    source_at = cache(partial(_source_at, settings))  # names with the same servers share them and their limits
    sources: dict[str, ModelSource] = {}
    for name in names:
        own_token = f"ECD_TOKEN_{name.upper().replace('-', '_')}"
        token_name = own_token if name and own_token in os.environ else "ECD_TOKEN"
        sources[name] = source_at(tuple(settings.urls[name]), settings.model_id(name), token_name)
    return sources


def connect_judge(settings: ModelSettings, store: Store) -> ModelSource | None:
    """Return the source of a separate judge, or `None` if the settings name none. Raise what `connect` raises."""
    if not settings.judge_url and not settings.judge_id:
        return None
    if settings.replay:
        return _source_in_store(settings.judge_id, store, JUDGE)
    if not settings.judge_url:
        raise EndpointError("--judge-model names a model of --judge-endpoint, which is missing.")
    return _source_at(settings, [settings.judge_url], settings.judge_id, "ECD_JUDGE_TOKEN")


def _check_names(settings: ModelSettings, names: Sequence[str]) -> None:
    """Raise an EndpointError unless the settings name exactly the models that are asked."""
    flags = {"--model": settings.model_ids} | ({} if settings.replay else {"--endpoint": settings.urls})
    for flag, values in flags.items():
        if unknown := sorted(values.keys() - {*names, ""}):
            accepted = ", ".join(f"{flag} {name}=..." for name in names if name) or "no names"
            raise EndpointError(f"{flag} {unknown[0]}=...: no model of that name is asked; this takes {accepted}.")
    missing = [
        f"--endpoint {name}=URL" if name else "--endpoint URL (without a name)"
        for name in names
        if name not in settings.urls
    ]
    if missing and not settings.replay:
        raise EndpointError(
            f"not every model that is asked has an endpoint: also give {' '.join(missing)}. Several models may share "
            "one URL."
        )


def _source_in_store(model_id: str | None, store: Store, name: str, judge: ModelSource | None = None) -> ModelSource:
    """Return the one model in a store that fits.

    Args:
        model_id: with or without its revision; `None` fits every model but the judge.
        store: holds the responses.
        name: of the model, for messages.
        judge: a separate judge.

    Raises:
        StoreError: no model fits, or several do.
    """
    stored = store.models()
    models = [model for model in stored if model_id in (None, model.id, str(model))]
    if model_id is None and judge is not None:
        models = [model for model in models if model != judge.model] or models
    if len(models) == 1:
        return ModelSource(models[0])
    flag = {"": "--model ID", JUDGE: "--judge-model ID"}.get(name, f"--model {name}=ID")
    problem = "cannot tell whose responses to use" if models else "finds no such model"
    raise StoreError(
        f"{store.path}: --replay {problem}; the store has those of: {', '.join(map(str, stored)) or 'no model'}. Name "
        f"the model with {flag}" + (", and a separate judge with --judge-model." if name != JUDGE else ".")
    )


def _source_at(settings: ModelSettings, urls: Sequence[str], model_id: str | None, token_name: str) -> ModelSource:
    """Return the model that some servers say they serve, with a pool of these servers."""
    token = os.environ.get(token_name)
    servers = [Endpoint(url, token=token, token_name=token_name, timeout=settings.timeout) for url in urls]
    pool = Pool(servers, settings.min_concurrency, settings.max_concurrency, settings.max_retries)
    return ModelSource(identify(pool, model_id), pool)
