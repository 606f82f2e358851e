import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.core.errors import SeedError
from ecd_data.corpus.contamination import Contamination, read_contamination

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
def test_eight_consecutive_words_are_shared_or_not(text, shared):
    assert Contamination.from_prompts([PROMPT], 8).shared_words(text) == shared


def test_a_short_prompt_matches_only_a_text_of_nothing_else():
    short = Contamination.from_prompts(["Write a story.", "!"], 8)
    assert short.shared_words("write a story") == "write a story"
    assert not short.shared_words("Write a story about a dog.")
    assert not short.shared_words("Please write a story about a dog that cannot swim at all.")
    assert not short.shared_words("...")


@given(st.lists(WORDS, max_size=4), WORDS, st.integers(1, 5))
def test_a_text_shares_words_if_it_has_an_n_gram_of_a_prompt(prompts, text, n):
    def ngrams(words):
        return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}

    common = any(ngrams(text) & ngrams(prompt) for prompt in prompts)
    same = any(0 < len(text) < n and text == prompt for prompt in prompts)
    contamination = Contamination.from_prompts([" ".join(prompt) for prompt in prompts], n)
    assert bool(contamination.shared_words(" ".join(text))) is (common or same)


def test_the_hash_does_not_depend_on_the_order_of_the_prompts():
    one, other = Contamination.from_prompts(["a b c", "d e"], 2), Contamination.from_prompts(["D, e!", "a b c"], 2)
    assert one.sha256 == other.sha256
    assert one.sha256 != Contamination.from_prompts(["a b c", "d e"], 3).sha256


def test_prompts_are_read_as_seeds_are(tmp_path):
    (tmp_path / "eval.jsonl").write_text(json.dumps({"prompt": PROMPT}))
    read = read_contamination([str(tmp_path / "eval.jsonl")], 8)
    assert read.shared_words(PROMPT)
    assert read.sources == ("eval.jsonl",)
    with pytest.raises(SeedError, match="cannot be read"):
        read_contamination([str(tmp_path / "none.jsonl")], 8)
