"""Read chains from a build as the compact JSON of the page.

    {"texts": ["Name a fruit.", ...],
     "requirements": [{"id": "format/no_commas", "text": 7, ...}, ...],
     "chains": [{"id": "5f0c...", "split": "train", "turns": [...], "pairs": [...], "rejects": [...]}, ...]}

Texts and requirements recur from round to round, so each is stored once and the chains refer to it by its number.
Where a text is shown with the words marked that another text lacks, `marks` stands beside its number: the lengths of
its pieces but the last, in turn without and with a mark. `{"text": 0, "marks": [5, 7]}` marks "a fruit" and not ".".
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from ecd_data.artifact.parquet import data_files, read_rows
from ecd_data.artifact.statistics import RANKING
from ecd_data.core.values import EVOLVED
from ecd_data.core.word_diff import Part, differences
from ecd_data.reporting.reasons import JudgeVotes, pair_reasons

Row = dict[str, Any]


def read_chains(build: Path, seed_ids: Collection[str], votes: int) -> Row:
    """Return the chains of some seeds with their texts and requirements, as described above.

    Args:
        build: the build directory.
        seed_ids: the seeds whose chains are read.
        votes: the number of votes of the judge on a requirement.

    Raises:
        BuildError: a file of the build cannot be read.
    """
    return _ChainReader(build, seed_ids, votes).read()


@lru_cache(maxsize=1000)  # the texts of a chain are compared several times
def compute_marks(old: str, new: str) -> tuple[list[int], list[int]]:
    """Return the marks of two texts, each of which has the words marked that the other one lacks."""
    old_parts, new_parts = differences(old, new)
    return _piece_lengths(old_parts), _piece_lengths(new_parts)


def _piece_lengths(parts: Sequence[Part]) -> list[int]:
    """Return the lengths of all pieces but the last in UTF-16 code units, in which JavaScript counts."""
    lengths = [0] if parts and parts[0].differs else []
    for _, piece in groupby(parts, key=lambda part: part.differs):
        lengths.append(sum(len(part.text.encode("utf-16-le", "surrogatepass")) // 2 for part in piece))
    return lengths[:-1]


class _ChainReader:
    def __init__(self, build: Path, seed_ids: Collection[str], votes: int) -> None:
        self._build = build
        self._seed_ids = seed_ids
        self._votes = JudgeVotes(build, seed_ids, votes)
        self._texts: dict[str, int] = {}  # with their numbers
        self._requirements: dict[tuple[str, str, int, int], int] = {}  # with their numbers
        self._rankings = {row["id"]: self._ranking(row) for _, row in self._rows(RANKING, "seed_id")}

    def read(self) -> Row:
        pairs, rejects = self._by_seed("preference"), self._by_seed("rejects")
        chains = [
            {
                "id": chain["id"],
                "split": split,
                "turns": [self._turn(turn, chain["turns"]) for turn in chain["turns"]],
                "pairs": [self._pair(pair, chain["turns"]) for pair in pairs[chain["id"]]],
                "rejects": [self._reject(reject, chain["turns"]) for reject in rejects[chain["id"]]],
            }
            for split, chain in self._rows("chains", "id")
        ]
        requirements = [
            {"id": id_, "check": check, "round": round, "text": text} for id_, check, round, text in self._requirements
        ]
        return {"texts": list(self._texts), "requirements": requirements, "chains": chains}

    def _rows(self, config: str, seed_column: str) -> Iterator[tuple[str, Row]]:
        for split, paths in data_files(self._build, config).items():
            yield from ((split, row) for row in read_rows(paths) if row[seed_column] in self._seed_ids)

    def _by_seed(self, config: str) -> defaultdict[str, list[Row]]:
        rows: defaultdict[str, list[Row]] = defaultdict(list)
        for _, row in self._rows(config, "seed_id"):
            rows[row["seed_id"]].append(row)
        return rows

    def _text(self, text: str) -> int:
        return self._texts.setdefault(text, len(self._texts))

    def _changed(self, before: str | None, text: str) -> Row:
        """Return a text with the words marked that the text before it lacks, if there is one before it."""
        return {"text": self._text(text), "marks": [] if before is None else compute_marks(before, text)[1]}

    def _requirement(self, requirement: Row) -> int:
        shown = (requirement["id"], requirement["check"], requirement["round"], self._text(requirement["text"]))
        return self._requirements.setdefault(shown, len(self._requirements))

    def _turn(self, turn: Row, turns: Sequence[Row]) -> Row:
        before = _turn_before(turns, turn["round"])
        return {
            "round": turn["round"],
            "adapted_by": turn["adapted_by"],
            "instruction": self._changed(before.get("instruction"), turn["instruction"]),
            "response": self._changed(before.get("response"), turn["response"]),
            "candidates": self._candidates(turn["candidates"], before),
        }

    def _pair(self, pair: Row, turns: Sequence[Row]) -> Row:
        rejected_marks, chosen_marks = compute_marks(pair["rejected"][0]["content"], pair["chosen"][0]["content"])
        reasons = pair_reasons(pair, turns, self._votes)
        before = _turn_before(turns, pair["round"])
        columns = ("id", "round", "gap", "operation", "evolved_by", "adapted_by", "similarity")
        return {
            **{key: pair[key] for key in columns},
            "negative": pair.get("negative", EVOLVED),
            "instruction": self._changed(before.get("instruction"), pair["prompt"][0]["content"]),
            "requirements": [self._requirement(requirement) for requirement in pair["requirements"]],
            "chosen": self._side(pair, "chosen", chosen_marks, reasons["chosen"]),
            "rejected": self._side(pair, "rejected", rejected_marks, reasons["rejected"]),
            "ranking": self._rankings.get(pair["id"]),
        }

    def _side(self, pair: Row, side: str, marks: Sequence[int], reasons: Sequence[str]) -> Row:
        return {
            "text": self._text(pair[side][0]["content"]),
            "marks": marks,
            "met": pair[f"{side}_met"],
            "votes": pair[f"{side}_votes"],
            "reasons": [self._text(reason) for reason in reasons],
        }

    def _ranking(self, row: Row) -> Row:
        answers = zip(row["responses"], row["preference"], row["met"], strict=True)
        return {
            "teacher": row["teacher"],
            "method": row["method"],
            "answers": [
                {"text": self._text(response[0]["content"]), "share": share, "met": met}
                for response, share, met in sorted(answers, key=lambda answer: -answer[1])
            ],
        }

    def _reject(self, reject: Row, turns: Sequence[Row]) -> Row:
        before = _turn_before(turns, reject["round"])
        return {
            **{key: reject[key] for key in ("id", "round", "step", "reason", "operation")},
            "instruction": self._changed(before.get("instruction"), reject["instruction"]),
            "candidates": self._candidates(reject["candidates"], before),
        }

    def _candidates(self, candidates: Sequence[Row], before: Mapping[str, str]) -> list[Row]:
        return [
            {
                "route": candidate["route"],
                "defect": candidate["defect"],
                "detail": self._text(candidate["detail"]),
                **self._changed(before.get("response"), candidate["text"]),
            }
            for candidate in candidates
        ]


def _turn_before(turns: Sequence[Row], round: int) -> Row:
    """Return the turn that a round of ECD starts from, or nothing for rounds that start from none.

    Rounds of the other methods stand alone; their chains have no turn of round 0, the seed.
    """
    if not turns or turns[0]["round"]:
        return {}
    return next((turn for turn in reversed(turns) if turn["round"] < round), {})
