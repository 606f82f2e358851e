"""Which models answer: behind the endpoints that a user names, or in a replay those of the response store."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ecd_data.calls.endpoint import Endpoint
from ecd_data.calls.pool import Pool, identify
from ecd_data.calls.scheduler import ModelSource
from ecd_data.calls.store import Store
from ecd_data.core.errors import EndpointError, StoreError
from ecd_data.core.request import JUDGE


@dataclass(frozen=True)
class ModelSettings:
    """Who is asked, and how. Tokens are no part of it: they are read from the environment.

    urls: the servers that share the work of a model, by the model's name; the model without a name has an empty one.
    model_ids: which model, where a server or the store has several, by name; the one under an empty name is for all.
    judge_url, judge_id: the same for a judge of its own.
    replay: use stored responses alone.
    min_concurrency, max_concurrency: bounds of the calls in flight at each server.
    max_retries: of one call.
    timeout: seconds for one try of a call.
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

    def id_of(self, name: str) -> str | None:
        """Return the id that is asked for under a name, or for all models."""
        return self.model_ids.get(name) or self.model_ids.get("")


def connect(
    settings: ModelSettings, store: Store, names: Sequence[str], judge: ModelSource | None = None
) -> dict[str, ModelSource]:
    """Return the models of some names: behind their endpoints, or in a replay those of the store.

    Args:
        judge: a judge of its own, whose responses in the store are not meant.

    Raises:
        EndpointError: a name has no endpoint, or an endpoint has a name that nobody asks; an endpoint does not say
            which model it serves, or those of one name serve different ones.
        StoreError: the store has no such model, or several.
    """
    _check_names(settings, names)
    if settings.replay:
        return {name: _stored(settings.id_of(name), store, name, judge) for name in names}
    sources: dict[str, ModelSource] = {}
    connected: dict[tuple[object, ...], ModelSource] = {}  # names at the same servers share them, and their limits
    for name in names:
        own_token = f"ECD_TOKEN_{name.upper().replace('-', '_')}"
        token_name = own_token if name and own_token in os.environ else "ECD_TOKEN"
        same = (tuple(settings.urls[name]), settings.id_of(name), token_name)
        if same not in connected:
            connected[same] = _ask(settings, settings.urls[name], settings.id_of(name), token_name)
        sources[name] = connected[same]
    return sources


def connect_judge(settings: ModelSettings, store: Store) -> ModelSource | None:
    """Return the judge that the settings name; `None` where the model judges itself. Raises what `connect` does."""
    if not settings.judge_url and not settings.judge_id:
        return None
    if settings.replay:
        return _stored(settings.judge_id, store, JUDGE)
    if not settings.judge_url:
        raise EndpointError("--judge-model names a model of --judge-endpoint, which is missing.")
    return _ask(settings, [settings.judge_url], settings.judge_id, "ECD_JUDGE_TOKEN")


def _check_names(settings: ModelSettings, names: Sequence[str]) -> None:
    """Raise an EndpointError unless just the models that are asked are named."""
    given = {"--model": settings.model_ids} | ({} if settings.replay else {"--endpoint": settings.urls})
    for flag, values in given.items():
        if unknown := sorted(values.keys() - {*names, ""}):
            takes = ", ".join(f"{flag} {name}=..." for name in names if name) or "no names"
            raise EndpointError(f"{flag} {unknown[0]}=...: nobody asks a model of that name; this takes {takes}.")
    flags = {name: f"--endpoint {name}=URL" if name else "--endpoint URL (without a name)" for name in names}
    missing = [flag for name, flag in flags.items() if name not in settings.urls]
    if missing and not settings.replay:
        raise EndpointError(
            f"not every model that is asked has an endpoint: give {' '.join(missing)}, too. Several may have one URL."
        )


def _stored(wanted: str | None, store: Store, name: str, judge: ModelSource | None = None) -> ModelSource:
    """The one model of a store that an id, with or without its revision, or no id at all leaves."""
    stored = store.models()
    models = [model for model in stored if wanted in (None, model.id, str(model))]
    if wanted is None and judge is not None:
        models = [model for model in models if model != judge.model] or models
    if len(models) == 1:
        return ModelSource(models[0])
    flag = {"": "--model ID", JUDGE: "--judge-model ID"}.get(name, f"--model {name}=ID")
    problem = "cannot tell whose responses to take" if models else "finds no such model"
    raise StoreError(
        f"{store.path}: --replay {problem}; there are those of: {', '.join(map(str, stored)) or 'none'}. Name the "
        f"model with {flag}" + (", and a judge of its own with --judge-model." if name != JUDGE else ".")
    )


def _ask(settings: ModelSettings, urls: Sequence[str], wanted: str | None, token_name: str) -> ModelSource:
    """The model that some servers say they serve."""
    token = os.environ.get(token_name)
    servers = [Endpoint(url, token=token, token_name=token_name, timeout=settings.timeout) for url in urls]
    bounds = {"min_concurrency": settings.min_concurrency, "max_concurrency": settings.max_concurrency}
    pool = Pool(servers, **bounds, max_retries=settings.max_retries)
    return ModelSource(identify(pool, wanted), pool)
