"""Checks of rows against each other: ids are unique, no seed is in two splits, chains agree with their rounds."""

from collections.abc import Iterator, Mapping, Sequence

from ecd_data.artifact.row_checks import Expected, Row, row_name
from ecd_data.artifact.schema import configs
from ecd_data.artifact.statistics import RANKING
from ecd_data.core.values import EVOLVED, REJECTED, RowId

CHAINED = ("preference", "sft", "rejects")  # configs whose rows a chain names


class CrossChecks:
    """Compares the rows of a build with each other, as they are added one by one.

    Of each row only hashes are kept, as the rows themselves would fill the memory.
    """

    def __init__(self, expected: Expected) -> None:
        names = configs(expected.method.name)
        self._evolves, self._rounds = expected.method.evolves, expected.rounds
        # Hashes by config and id: what rows say of their round (None: the row is invalid), and what chains say of it.
        self._digests: dict[str, dict[str, int | None]] = {config: {} for config in names}
        self._chain_digests: dict[str, dict[str, int]] = {config: {} for config in CHAINED}
        self._extremes: dict[str, dict[str, int]] = {"preference": {}, RANKING: {}} if RANKING in names else {}
        self._split_of_seed: dict[str, str] = {}
        self._chain_problems: list[str] = []

    def add_invalid(self, config: str, row: Row) -> None:
        """Add a row that does not validate against its schema, so that it does not count as missing."""
        self._digests[config][str(row.get("id"))] = None

    def add(self, config: str, split: str, row: Row) -> list[str]:
        """Add a row that validates against its schema, and return what is wrong with it beside the rows before it."""
        problems = []
        seed_id, digests = row.get("seed_id", row["id"]), self._digests[config]
        if row["id"] in digests:
            problems.append("its id occurs twice")
        if self._split_of_seed.setdefault(seed_id, split) != split:
            problems.append(f"seed {seed_id} is in {self._split_of_seed[seed_id]} and in {split}")
        digests[row["id"]] = row_digest(config, row)
        if config in self._extremes:
            self._extremes[config][row["id"]] = hash(extremes(row))
        if config == "chains":
            chained = digests_from_chain(row, self._evolves)
            problems_of_chain = chain_problems(row, chained["preference"], self._rounds, self._evolves)
            self._chain_problems += (f"{row_name(config, split, row['id'])}: {text}" for text in problems_of_chain)
            for name, by_id in chained.items():
                self._chain_digests[name].update(by_id)
        return problems

    def has_pair(self, id_: str) -> bool:
        """Return whether a pair of that id was added."""
        return id_ in self._digests["preference"]

    def problems(self) -> Iterator[str]:
        """Yield what is wrong between all rows that were added."""
        yield from self._chain_problems
        for config, chained in self._chain_digests.items():
            rows = self._digests[config]
            for id_ in sorted(rows.keys() | chained.keys()):
                where = row_name(config, self._split_of_seed.get(id_.partition("-")[0], "?"), id_)
                if id_ not in rows:
                    yield f"{where}: missing; its chain names it"
                elif id_ not in chained:
                    yield f"{where}: no chain names it"
                elif rows[id_] not in (None, chained[id_]):
                    yield f"{where}: its chain has other texts, requirements or routes for this round"
        if self._extremes:
            pairs, rankings = self._extremes["preference"], self._extremes[RANKING]
            for id_ in sorted(pairs.keys() | rankings.keys()):
                if pairs.get(id_) != rankings.get(id_):
                    yield f"ranking {id_!r}: its most and its least preferred responses are not the pair with that id"


def chain_problems(chain: Row, pair_digests: Mapping[str, int], rounds: int, evolves: bool) -> Iterator[str]:
    """Yield whether a row of `chains` lacks an outcome for a round, or the turns of a pair.

    A chain attempts all rounds, or one if it has no first answer.

    Args:
        pair_digests: by id, of the pairs whose texts the chain has; see `digests_from_chain`.
        rounds: of the recipe.
        evolves: whether the method does.
    """
    pairs = [RowId.parse(id_) for id_ in chain["pairs"]]
    # In a method that evolves, each round with a pair has one with the answer before it; in others, any will do.
    with_pair = [id_.round_id for id_ in pairs if not evolves or str(id_) == id_.round_id]
    with_pair = with_pair if evolves else list(dict.fromkeys(with_pair))
    has_begun = chain["turns"] or not (evolves or RowId(chain["id"], 0).round_id in chain["rejects"])
    attempted = range(1, rounds + 1) if has_begun else [0]
    outcomes = [*with_pair, *chain["rejects"]]
    if sorted(outcomes) != sorted(RowId(chain["id"], round).round_id for round in attempted):
        yield f"its pairs and rejects ({', '.join(outcomes) or 'none'}) are not one for each round"
    if chain["rounds"] != len(attempted):
        yield f"says {chain['rounds']} rounds instead of {len(attempted)}"
    for id_ in sorted(set(chain["pairs"]) - pair_digests.keys()):
        yield f"has no turns for its pair {id_!r}"


def row_digest(config: str, row: Row) -> int:
    """Return a hash of what a row and its chain both say; within one process, as Python's hashes are salted."""
    if config == "preference":
        return _digest(row["prompt"][0]["content"], [row["chosen"][0]["content"], row["rejected"][0]["content"]], row)
    if config == "sft":
        return _digest(row["prompt"][0]["content"], [row["completion"][0]["content"]], row)
    return 0  # a chain has no more than the id of a reject


def digests_from_chain(chain: Row, evolves: bool) -> dict[str, dict[str, int]]:
    """Return the digests of the rows that a row of `chains` names, by config and id, from what it says of them."""
    turns = {turn["round"]: turn for turn in chain["turns"]}
    pairs = {}
    for text in chain["pairs"]:
        id_ = RowId.parse(text)
        turn = turns.get(id_.round)
        rejected = None if turn is None else _rejected_text(id_, turns, evolves)
        if turn is not None and rejected is not None:
            pairs[text] = _digest(turn["instruction"], [turn["response"], rejected], turn)
    sft = {
        RowId(chain["id"], round).round_id: _digest(turn["instruction"], [turn["response"]], turn)
        for round, turn in turns.items()
    }
    return {"preference": pairs, "sft": sft, "rejects": dict.fromkeys(chain["rejects"], 0)}


def _rejected_text(id_: RowId, turns: Mapping[int, Row], evolves: bool) -> str | None:
    """Return the rejected answer of a pair as its chain has it: of an older turn, or a candidate of its own round."""
    if evolves and id_.negative == EVOLVED:
        rounds = list(turns)
        older = rounds.index(id_.round) - id_.gap
        return str(turns[rounds[older]]["response"]) if older >= 0 else None
    for candidate in turns[id_.round]["candidates"]:
        if candidate["defect"] == REJECTED and (id_.negative == EVOLVED or candidate["route"] == id_.negative):
            return str(candidate["text"])
    return None


def _digest(instruction: str, answers: Sequence[str], row: Row) -> int:
    requirements = ((r["id"], r["text"], r["kwargs"], r["check"], r["round"]) for r in row["requirements"])
    return hash((instruction, *answers, row["operation"], row["evolved_by"], row["adapted_by"], *requirements))


def extremes(row: Row) -> tuple[str, str, str]:
    """Return a prompt and its most and least preferred response, from a row of `ranking` or the pair made of it."""
    prompt = row["prompt"][0]["content"]
    if "preference" not in row:
        return prompt, row["chosen"][0]["content"], row["rejected"][0]["content"]
    shares = row["preference"]
    best, worst = (row["responses"][shares.index(share)][0]["content"] for share in (max(shares), min(shares)))
    return prompt, best, worst
