"""ECD preference data as a `datasets` builder: chains in, rows of four configs out.

    from builders.ecd import Ecd
    from ecd_data.generation import Generation

    Ecd("preference", generation=Generation(...)).download_and_prepare(file_format="arrow")

One row of `preference` (shortened):

    {"id": "5f0c...-r2", "prompt": [{"role": "user", "content": "Name a fruit. Do not use any commas."}],
     "chosen": [...], "rejected": [...], "requirements": [{"id": "format/no_commas", ...}], "chosen_met": [true],
     "rejected_met": [false], "similarity": 0.97, "adapted_by": "edit", "model": "org/model@sha", ...}
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import datasets
from datasets import Features, List, Value

from ecd_data.artifact.schema import gate, schemas_hash
from ecd_data.corpus.groups import split_of
from ecd_data.generation import Generation
from ecd_data.method.shares import surplus
from ecd_data.values import Candidate, Chain, Pair, Reject, Requirement, Turn, canonical_json, sha256

ROWS_VERSION = "1.0.0"  # of the row layout: it is part of the builder's cache key

Row = dict[str, Any]
TEXT, INT = Value("string"), Value("int32")
MESSAGES = List({"role": TEXT, "content": TEXT})
REQUIREMENTS = List({"id": TEXT, "text": TEXT, "kwargs": TEXT, "check": TEXT, "round": INT})
CANDIDATES = List({"route": TEXT, "attempt": INT, "text": TEXT, "defect": TEXT, "detail": TEXT})

FEATURES = {
    "preference": Features(
        {
            "id": TEXT,
            "prompt": MESSAGES,
            "chosen": MESSAGES,
            "rejected": MESSAGES,
            "seed_id": TEXT,
            "round": INT,
            "gap": INT,
            "operation": TEXT,
            "requirements": REQUIREMENTS,
            "chosen_met": List(Value("bool")),
            "rejected_met": List(Value("bool")),
            "chosen_votes": List(Value("float64")),
            "rejected_votes": List(Value("float64")),
            "similarity": Value("float64"),
            "evolved_by": TEXT,
            "adapted_by": TEXT,
            "model": TEXT,
        }
    ),
    "sft": Features(
        {
            "id": TEXT,
            "prompt": MESSAGES,
            "completion": MESSAGES,
            "seed_id": TEXT,
            "round": INT,
            "operation": TEXT,
            "requirements": REQUIREMENTS,
            "evolved_by": TEXT,
            "adapted_by": TEXT,
            "model": TEXT,
        }
    ),
    "chains": Features(
        {
            "id": TEXT,
            "group": TEXT,
            "rounds": INT,
            "turns": List(
                {
                    "round": INT,
                    "operation": TEXT,
                    "instruction": TEXT,
                    "response": TEXT,
                    "requirements": REQUIREMENTS,
                    "evolved_by": TEXT,
                    "adapted_by": TEXT,
                    "candidates": CANDIDATES,
                }
            ),
            "pairs": List(TEXT),
            "rejects": List(TEXT),
            "model": TEXT,
        }
    ),
    "rejects": Features(
        {
            "id": TEXT,
            "seed_id": TEXT,
            "round": INT,
            "step": TEXT,
            "reason": TEXT,
            "operation": TEXT,
            "instruction": TEXT,
            "candidates": CANDIDATES,
            "model": TEXT,
        }
    ),
}
DESCRIPTIONS = {
    "preference": "verified preference pairs in TRL's explicit conversational form",
    "sft": "every accepted turn as prompt and completion",
    "chains": "a whole chain a row: its turns, candidates and what became of them",
    "rejects": "the rounds that gave no pair, with step and reason",
}


class Ecd(datasets.GeneratorBasedBuilder):
    """Generates the chains of a corpus on first use (that is this family's download) and turns them into rows.

    Args:
        config_name: `preference` (default), `sft`, `chains` or `rejects`.
        generation: the corpus, the recipe and who answers. Builders that share one generation and one `spool`
            generate once.
        spool: folder for the rows on their way; a temporary one by default.

    Raises:
        GateError, EndpointError, StoreError: as the `__cause__` of `datasets`' own `DatasetGenerationError` when they
            come up while rows are written.
    """

    VERSION = datasets.Version(ROWS_VERSION)
    # Without parameters of their own: recipe and corpus enter the builder's hash, endpoint and token must not.
    BUILDER_CONFIGS = [  # noqa: RUF012
        datasets.BuilderConfig(name=name, description=text) for name, text in DESCRIPTIONS.items()
    ]
    DEFAULT_CONFIG_NAME = "preference"

    def __init__(
        self, config_name: str | None = None, *, generation: Generation, spool: Path | None = None, **kwargs: Any
    ) -> None:
        self.generation = generation
        self._spool = spool
        fingerprint = sha256(canonical_json([generation.fingerprint, schemas_hash(), ROWS_VERSION]))
        super().__init__(config_name=config_name, dataset_name="ecd", hash=fingerprint, **kwargs)

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=FEATURES[self.config.name])

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        if self._spool is None:
            self._spool = Path(tempfile.mkdtemp(prefix="ecd-spool-"))
        spool(self.generation, self._spool)
        files = ((split, self._spool / f"{self.config.name}-{split}.jsonl") for split in self.generation.recipe.splits)
        return [datasets.SplitGenerator(split, {"files": [str(file)]}) for split, file in files if file.exists()]

    def _generate_examples(self, files: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        for file in files:
            with open(file, encoding="utf-8") as lines:
                for line in lines:
                    row = json.loads(line)
                    gate(self.config.name, row)
                    yield row["id"], row


def spool(generation: Generation, directory: Path) -> None:
    """Runs the chains once and writes their rows to `<config>-<split>.jsonl`; does nothing when that is done."""
    done = directory / "done"
    if done.exists():
        return
    for stale in directory.glob("*.jsonl"):
        stale.unlink()
    recipe, model = generation.recipe, str(generation.model)
    made: list[tuple[str, str]] = []
    for chain in generation.chains():
        made += [(_round_id(pair), pair.adapted_by) for pair in chain.pairs]
        split = split_of(chain.group, recipe.splits, recipe.seed)
        for config, rows in chain_rows(chain, model).items():
            if rows:
                with open(directory / f"{config}-{split}.jsonl", "a", encoding="utf-8") as file:
                    file.writelines(canonical_json(row) + "\n" for row in rows)
    if rounds := surplus(made, recipe.max_share, recipe.seed):
        for split in recipe.splits:
            _reject_rounds(rounds, directory, split)
    done.touch()


def _reject_rounds(rounds: set[str], directory: Path, split: str) -> None:
    """Makes rejects of rounds that have their pairs already, in the rows of a split.

    The accepted turn stays in `sft` and `chains`, with its candidates: only the pairs go.
    """

    def pair(row: Row) -> Row | None:
        if f"{row['seed_id']}-r{row['round']}" not in rounds:
            return row
        if row["gap"] == 1:
            instruction = row["prompt"][0]["content"]
            reject = Reject(row["seed_id"], row["round"], "contrast", "route_share", row["operation"], instruction)
            rejects.write(canonical_json({**_reject(reject), "model": row["model"]}) + "\n")
        return None

    def chain(row: Row) -> Row:
        gone = [id_ for id_ in row["pairs"] if id_ in rounds]
        pairs = [id_ for id_ in row["pairs"] if id_.partition("-g")[0] not in rounds]
        return {**row, "pairs": pairs, "rejects": sorted(row["rejects"] + gone, key=_round_number)}

    preference, chains, rejected = (
        directory / f"{config}-{split}.jsonl" for config in ("preference", "chains", "rejects")
    )
    if not preference.exists():
        return
    with open(rejected, "a", encoding="utf-8") as rejects:
        _rewrite(preference, pair)
    _rewrite(chains, chain)
    for path in (preference, rejected):
        if not path.stat().st_size:
            path.unlink()


def _rewrite(path: Path, change: Callable[[Row], Row | None]) -> None:
    """Changes the rows of a file, or drops them (`None`), one in memory at a time."""
    changed = path.with_suffix(".changed")
    with open(path, encoding="utf-8") as old, open(changed, "w", encoding="utf-8") as new:
        for line in old:
            if row := change(json.loads(line)):
                new.write(canonical_json(row) + "\n")
    changed.replace(path)


def chain_rows(chain: Chain, model: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of one chain, per config."""
    return {
        "preference": [{**_pair(pair), "model": model} for pair in chain.pairs],
        "sft": [{**_turn(chain.seed_id, turn), "model": model} for turn in chain.turns],
        "chains": [{**_chain(chain), "model": model}],
        "rejects": [{**_reject(reject), "model": model} for reject in chain.rejects],
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "id": pair.id,
        "prompt": [{"role": "user", "content": pair.instruction}],
        "chosen": [{"role": "assistant", "content": pair.chosen}],
        "rejected": [{"role": "assistant", "content": pair.rejected}],
        "seed_id": pair.seed_id,
        "round": pair.round,
        "gap": pair.gap,
        "operation": pair.operation,
        "requirements": _requirements(pair.requirements),
        "chosen_met": [ruling.met for ruling in pair.chosen_rulings],
        "rejected_met": [ruling.met for ruling in pair.rejected_rulings],
        "chosen_votes": [ruling.votes for ruling in pair.chosen_rulings],
        "rejected_votes": [ruling.votes for ruling in pair.rejected_rulings],
        "similarity": pair.similarity,
        "evolved_by": pair.evolved_by,
        "adapted_by": pair.adapted_by,
    }


def _turn(seed_id: str, turn: Turn) -> dict[str, Any]:
    return {
        "id": f"{seed_id}-r{turn.round}",
        "prompt": [{"role": "user", "content": turn.instruction}],
        "completion": [{"role": "assistant", "content": turn.response}],
        "seed_id": seed_id,
        "round": turn.round,
        "operation": turn.operation,
        "requirements": _requirements(turn.requirements),
        "evolved_by": turn.evolved_by,
        "adapted_by": turn.adapted_by,
    }


def _chain(chain: Chain) -> dict[str, Any]:
    return {
        "id": chain.seed_id,
        "group": chain.group,
        "rounds": sum(pair.gap == 1 for pair in chain.pairs) + len(chain.rejects),
        "turns": [
            {
                "round": turn.round,
                "operation": turn.operation,
                "instruction": turn.instruction,
                "response": turn.response,
                "requirements": _requirements(turn.requirements),
                "evolved_by": turn.evolved_by,
                "adapted_by": turn.adapted_by,
                "candidates": _candidates(turn.candidates),
            }
            for turn in chain.turns
        ],
        "pairs": [pair.id for pair in chain.pairs],
        "rejects": [_round_id(reject) for reject in chain.rejects],
    }


def _reject(reject: Reject) -> dict[str, Any]:
    return {
        "id": _round_id(reject),
        "seed_id": reject.seed_id,
        "round": reject.round,
        "step": reject.step,
        "reason": reject.reason,
        "operation": reject.operation,
        "instruction": reject.instruction,
        "candidates": _candidates(reject.candidates),
    }


def _round_id(outcome: Pair | Reject) -> str:
    return f"{outcome.seed_id}-r{outcome.round}"


def _round_number(round_id: str) -> int:
    return int(round_id.rpartition("-r")[2])


def _requirements(requirements: Sequence[Requirement]) -> list[dict[str, Any]]:
    return [
        {"id": r.id, "text": r.text, "kwargs": canonical_json(dict(r.kwargs)), "check": r.check, "round": r.round}
        for r in requirements
    ]


def _candidates(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    return [
        {"route": c.route, "attempt": c.attempt, "text": c.text, "defect": c.defect, "detail": c.detail}
        for c in candidates
    ]
