import json
import re
from collections import Counter
from importlib import resources

from ecd_data.corpus.groups import shingles
from ecd_data.corpus.seeds import read_corpus

ROWS = [
    json.loads(line)
    for line in (resources.files("ecd_data.corpus") / "bundled.jsonl").read_text(encoding="utf-8").splitlines()
]


def test_there_are_enough_seeds_in_enough_categories():
    counts = Counter(row["category"] for row in ROWS)
    assert len(ROWS) >= 240
    assert len(counts) >= 12
    assert min(counts.values()) >= 20
    assert len({row["category"] for row in ROWS[:24]}) == 12  # the demo's share


def test_they_are_plain_and_short():
    assert all(set(row) == {"instruction", "category"} for row in ROWS)
    for row in ROWS:
        assert 3 <= len(row["instruction"].split()) <= 60, row
        assert row["instruction"] == row["instruction"].strip()
        asked = re.search(
            r"\b(?:(?:\d+|one|two|three|four|five) (?:words?|sentences?|paragraphs?)|bullet|JSON|at most|at least)\b",
            row["instruction"],
        )
        assert asked is None, row


def test_no_two_nearly_repeat_each_other():
    sets = [shingles(row["instruction"]) for row in ROWS]
    for i, a in enumerate(sets):
        for b in sets[:i]:
            assert len(a & b) < 0.5 * len(a | b)


def test_each_is_a_seed_of_its_own():
    corpus = read_corpus(["bundled"])
    assert len(corpus.seeds) == len(ROWS)
    assert corpus.duplicates == 0
    assert len({seed.group for seed in corpus.seeds}) == len(ROWS)
