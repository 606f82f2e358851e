"""What the report shows, read from a build: a summary of all of it, and its chains with everything in them.

    {"texts": ["Name a fruit.", ...], "requirements": [{"id": "format/no_commas", "text": 7, ...}, ...],
     "chains": [{"id": "5f0c...", "split": "train", "turns": [{"instruction": 0, ...}, ...], "pairs": [...], ...}]}

Texts and requirements come back from round to round, so each is there once and the rest refers to it by number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecd_data.artifact.figures import figures
from ecd_data.artifact.manifest import read_manifest
from ecd_data.artifact.parquet import data_files, every_row, read_rows
from ecd_data.artifact.statistics import RANKING
from ecd_data.core.errors import BuildError
from ecd_data.core.hashing import canonical_json
from ecd_data.core.values import EVOLVED
from ecd_data.reporting.reasons import Votes, pair_reasons
from ecd_data.requirements.taxonomy import load_taxonomy

MOST_ROUNDS = 20_000  # in a page, which then takes a browser a second or two to open
SUMMARY = ("recipe", "seeds", "hashes", "model", "models", "judge", "versions", "counts", "funnel", "calls", "configs")

Row = dict[str, Any]


@dataclass(frozen=True)
class Contents:
    """What one page shows.

    summary: of the whole build: its name, what its manifest tells, the figures as SVG text, and the rounds shown.
    chains: texts, requirements and chains, as above.
    """

    summary: Row
    chains: Row


def read_contents(build: Path, name: str, most_rounds: int = MOST_ROUNDS) -> Contents:
    """The contents of a build's page.

    Of a build with more rounds than `most_rounds`, the chains whose ids come first are shown; ids are hashes of the
    seeds, so that is a fair sample. The summary is of all.

    Raises:
        BuildError: it is no build of this version, or a file of it cannot be read.
    """
    manifest = read_manifest(build)
    seeds, shown = _first(build, most_rounds)
    try:
        drawn = {file: svg for file, svg in figures(manifest).items() if file != "funnel.svg"}  # the page has its own
        known = {key: manifest[key] for key in SUMMARY}
        summary = {"name": name, **known, "checks": _checks(manifest), "figures": drawn, "shown": shown}
    except KeyError as error:
        raise BuildError(f"{build}: its manifest lacks {error}. Build it again with this version.") from None
    return Contents(summary, _Chains(build, seeds, manifest["recipe"]["votes"]).read())


def _checks(manifest: Row) -> dict[str, str]:
    """What checks each operation drawn: `code` or `judge`."""
    drawn = [load_taxonomy()[id_] for id_ in manifest["funnel"]["by_operation"] if id_ in load_taxonomy()]
    return {operation.id: "judge" if operation.check == "judge" else "code" for operation in drawn}


def _first(build: Path, most_rounds: int) -> tuple[set[str], int]:
    """The ids of the first chains that have no more rounds than that together (but one in any case), and how many."""
    seeds: set[str] = set()
    shown = 0
    for chain in sorted(every_row(build, "chains", ["id", "rounds"]), key=lambda chain: str(chain["id"])):
        if seeds and shown + chain["rounds"] > most_rounds:
            break
        seeds.add(chain["id"])
        shown += chain["rounds"]
    return seeds, shown


class _Chains:
    """Reads some chains of a build."""

    def __init__(self, build: Path, seeds: Collection[str], votes: int) -> None:
        self._build = build
        self._seeds = seeds
        self._votes = Votes(build, seeds, votes)
        self._texts: dict[str, int] = {}
        self._requirements: dict[str, int] = {}
        self._of_number: list[Row] = []  # the requirements

    def read(self) -> Row:
        pairs, rejects = self._by_seed("preference"), self._by_seed("rejects")
        rankings = {row["id"]: self._ranking(row) for _, row in self._rows(RANKING, "seed_id")}
        chains = [
            {
                "id": chain["id"],
                "split": split,
                "turns": [self._turn(turn) for turn in chain["turns"]],
                "pairs": [
                    {**self._pair(pair, chain["turns"]), "ranking": rankings.get(pair["id"])}
                    for pair in pairs[chain["id"]]
                ],
                "rejects": [self._reject(reject) for reject in rejects[chain["id"]]],
            }
            for split, chain in self._rows("chains", "id")
        ]
        return {"texts": list(self._texts), "requirements": self._of_number, "chains": chains}

    def _rows(self, config: str, seed: str) -> Iterator[tuple[str, Row]]:
        for split, paths in data_files(self._build, config).items():
            yield from ((split, row) for row in read_rows(paths) if row[seed] in self._seeds)

    def _by_seed(self, config: str) -> defaultdict[str, list[Row]]:
        found: defaultdict[str, list[Row]] = defaultdict(list)
        for _, row in self._rows(config, "seed_id"):
            found[row["seed_id"]].append(row)
        return found

    def _text(self, text: str) -> int:
        return self._texts.setdefault(text, len(self._texts))

    def _requirement(self, requirement: Row) -> int:
        number = self._requirements.setdefault(canonical_json(requirement), len(self._requirements))
        if number == len(self._of_number):
            kept = {key: requirement[key] for key in ("id", "check", "round")}
            self._of_number.append({**kept, "text": self._text(requirement["text"])})
        return number

    def _turn(self, turn: Row) -> Row:
        kept = {key: turn[key] for key in ("round", "operation", "evolved_by", "adapted_by")}
        texts = {key: self._text(turn[key]) for key in ("instruction", "response")}
        return {**kept, **texts, "candidates": self._candidates(turn["candidates"])}

    def _pair(self, pair: Row, turns: Sequence[Row]) -> Row:
        reasons = pair_reasons(pair, turns, self._votes)
        kept = ("id", "round", "gap", "operation", "evolved_by", "adapted_by", "similarity")
        sides = {
            side: {
                "text": self._text(pair[side][0]["content"]),
                "met": pair[f"{side}_met"],
                "votes": pair[f"{side}_votes"],
                "reasons": [self._text(reason) for reason in reasons[side]],
            }
            for side in ("chosen", "rejected")
        }
        requirements = [self._requirement(requirement) for requirement in pair["requirements"]]
        texts = {"instruction": self._text(pair["prompt"][0]["content"])}
        negative = {"negative": pair.get("negative", EVOLVED)}
        return {**{key: pair[key] for key in kept}, **negative, **texts, **sides, "requirements": requirements}

    def _ranking(self, row: Row) -> Row:
        answers = zip(row["responses"], row["preference"], row["met"], strict=True)
        ranked = sorted(answers, key=lambda answer: -answer[1])
        answered = [
            {"text": self._text(text[0]["content"]), "share": share, "met": met} for text, share, met in ranked
        ]
        return {"teacher": row["teacher"], "method": row["method"], "answers": answered}

    def _reject(self, reject: Row) -> Row:
        kept = {key: reject[key] for key in ("id", "round", "step", "reason", "operation")}
        candidates = self._candidates(reject["candidates"])
        return {**kept, "instruction": self._text(reject["instruction"]), "candidates": candidates}

    def _candidates(self, candidates: Sequence[Mapping[str, Any]]) -> list[Row]:
        texts = ("text", "detail")
        return [
            {"route": made["route"], "defect": made["defect"], **{key: self._text(made[key]) for key in texts}}
            for made in candidates
        ]
