import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.core.errors import SeedError
from ecd_data.corpus.contamination import contamination_of, read_contamination

PROMPT = "Write a short poem about the sea, in which every line ends with a vowel."
WORDS = st.lists(st.sampled_from("abcdef"), max_size=12)


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        (PROMPT, "write a short poem about the sea in"),
        ("Please WRITE -- a short “poem” about the sea. In short.", "write a short poem about the sea in"),
        ("Sing of how every line ends with a vowel!", ""),
        ("in which every line ends with a vowel", "in which every line ends with a vowel"),
        ("Write a short poem about the lake.", ""),
        ("", ""),
    ],
)
def test_eight_words_in_a_row_are_shared_or_not(text, shared):
    assert contamination_of([PROMPT], 8).shared(text) == shared


def test_a_short_prompt_matches_only_itself():
    short = contamination_of(["Write a story.", "!"], 8)
    assert short.shared("write a story") == "write a story"
    assert not short.shared("Write a story about a dog.")
    assert not short.shared("Please write a story about a dog that cannot swim at all.")
    assert not short.shared("...")


@given(st.lists(WORDS, max_size=4), WORDS, st.integers(1, 5))
def test_it_is_the_set_of_common_runs(prompts, text, n):
    def runs(words):
        return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}

    common = any(runs(text) & runs(prompt) for prompt in prompts)
    same = any(0 < len(text) < n and text == prompt for prompt in prompts)
    found = contamination_of([" ".join(prompt) for prompt in prompts], n).shared(" ".join(text))
    assert bool(found) is (common or same)


def test_the_hash_is_that_of_the_prompts_in_any_order():
    one, other = contamination_of(["a b c", "d e"], 2), contamination_of(["D, e!", "a b c"], 2)
    assert one.sha256 == other.sha256
    assert one.sha256 != contamination_of(["a b c", "d e"], 3).sha256


def test_prompts_are_read_as_seeds_are(tmp_path):
    (tmp_path / "eval.jsonl").write_text(json.dumps({"prompt": PROMPT}))
    read = read_contamination([str(tmp_path / "eval.jsonl")], 8)
    assert read.shared(PROMPT)
    assert read.sources == ("eval.jsonl",)
    with pytest.raises(SeedError, match="cannot be read"):
        read_contamination([str(tmp_path / "none.jsonl")], 8)
