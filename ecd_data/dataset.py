"""`load_dataset`, of a folder as it is now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ecd_data.canonical import canonical_json, sha256


def load_dataset(name: str, config: str | None = None, revision: str | None = None) -> Any:
    """All splits of a config of a Hub dataset or of a folder; raises what `datasets` raises.

    The library's cache knows a folder by its last name and its card, and gives the rows of another one, or of the same
    one before it changed, for those of this. So each state of a folder has a cache of its own.
    """
    import datasets

    datasets.config.USE_PARQUET_EXPORT = False  # else it asks the dataset viewer's host, which nobody named
    folder, cache = Path(name), None
    if folder.is_dir():
        files = sorted(path for path in folder.resolve().rglob("*") if path.is_file())
        state = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in files]
        cache = str(Path(datasets.config.HF_DATASETS_CACHE, f"ecd-{sha256(canonical_json(state))[:16]}"))
    return datasets.load_dataset(name, config, revision=revision, cache_dir=cache)
