import json
import re
from collections import Counter
from importlib import resources

import pytest

from ecd_data.corpus.groups import shingles
from ecd_data.corpus.seeds import read_corpus

FILE = resources.files("ecd_data.corpus") / "bundled.jsonl"
ROWS = [json.loads(line) for line in FILE.read_bytes().decode("utf-8").splitlines()]

NUMBER = r"(?:\d+|a single|one|two|three|four|five|six|seven|eight|nine|ten|a dozen)"
UNIT = r"(?:words?|sentences?|paragraphs?|lines?|bullets?|bullet points?|points?|items?|examples?|sections?)"
REQUIREMENT = re.compile(
    rf"\b(?:{NUMBER}[ -]{UNIT}"
    r"|at (?:most|least)|(?:no|not) (?:more|fewer|less) than|up to \d+|exactly \d+|under \d+"
    r"|JSON|YAML|XML|Markdown|bullets?|bulleted|numbered|as a (?:list|table|poem|headline)|in a table"
    r"|full sentences?|step by step"
    r"|upper ?case|lower ?case|capital letters|avoid the word|do not (?:use|mention)|without using)\b",
    re.IGNORECASE,
)


def test_there_are_enough_seeds_in_enough_categories() -> None:
    counts = Counter(row["category"] for row in ROWS)
    assert len(ROWS) >= 504
    assert len(counts) >= 12
    assert min(counts.values()) >= 42


def test_the_categories_take_turns() -> None:
    kinds = [row["category"] for row in ROWS]
    assert len(set(kinds[:12])) == 12
    assert kinds == kinds[:12] * (len(kinds) // 12)


def test_each_row_has_an_instruction_and_its_category() -> None:
    for row in ROWS:
        assert list(row) == ["instruction", "category"]
        assert all(isinstance(value, str) and value == value.strip() for value in row.values()), row


def test_instructions_are_short() -> None:
    lengths = [len(row["instruction"].split()) for row in ROWS]
    assert min(lengths) >= 5
    assert max(lengths) <= 60


def test_no_instruction_states_a_requirement() -> None:
    assert [row["instruction"] for row in ROWS if REQUIREMENT.search(row["instruction"])] == []


@pytest.mark.parametrize(
    "text",
    [
        "Explain rain in three sentences.",
        "Explain rain in 50 words.",
        "Give the answer as JSON.",
        "Use at most 20 words.",
        "Write no more than a page.",
        "Name tools as a list.",
        "Name tools with bullet points.",
        "Explain rain step by step.",
        "Write this as a headline.",
    ],
)
def test_a_requirement_would_be_noticed(text: str) -> None:
    assert REQUIREMENT.search(text)


def test_no_two_instructions_are_near_duplicates() -> None:
    sets = [shingles(row["instruction"]) for row in ROWS]
    for i, a in enumerate(sets):
        for b in sets[:i]:
            assert len(a & b) < 0.5 * len(a | b)


def test_each_row_is_a_seed_and_a_group_of_its_own() -> None:
    corpus = read_corpus(["bundled"])
    assert len(corpus.seeds) == len(ROWS)
    assert corpus.duplicates == 0
    assert len({seed.group for seed in corpus.seeds}) == len(ROWS)
