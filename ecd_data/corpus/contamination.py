"""Decontamination: seeds and evolved instructions that share words with the prompts of an evaluation are left out.

python -m ecd_data.generate --seeds seeds.jsonl --decontaminate google/IFEval ...
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ecd_data.core.hashing import canonical_json, sha256
from ecd_data.corpus.seeds import read_corpus


@dataclass(frozen=True)
class Contamination:
    """The prompts of evaluations, as hashes of their n-grams of words: a build may publish these, but not the prompts.

    Words are compared without letter case and punctuation. A prompt of fewer than `n` words ("Write a story") occurs
    in many unrelated texts, so that it only matches a text that consists of nothing else.

    ngrams: the hashes.
    n: length of an n-gram in words.
    sources: names of the evaluations, as they may be published.
    """

    ngrams: frozenset[str]
    n: int
    sources: tuple[str, ...]

    @classmethod
    def from_prompts(cls, prompts: Sequence[str], n: int, sources: Sequence[str] = ()) -> Contamination:
        """Return the contamination by some prompts, with n-grams of `n` words."""
        ngrams = frozenset(_hash(ngram) for words in map(_words, prompts) for ngram in _ngrams(words, n))
        return cls(ngrams, n, tuple(sources))

    @property
    def sha256(self) -> str:
        """Hash of all n-grams."""
        return sha256(canonical_json([self.n, sorted(self.ngrams)]))

    def shared_words(self, text: str) -> str:
        """Return the first n-gram that a text shares with the evaluations; empty if there is none."""
        return next((ngram for ngram in _ngrams(_words(text), self.n) if _hash(ngram) in self.ngrams), "")


def read_contamination(sources: Sequence[str], n: int) -> Contamination:
    """Return the contamination by prompts in files or Hub datasets, with n-grams of `n` words.

    Sources and the columns of their prompts (`instruction`, `prompt` or `messages`) are those of `read_corpus`.

    Raises:
        SeedError: a source cannot be read or holds no prompts.
    """
    corpus = read_corpus(sources)
    return Contamination.from_prompts([seed.instruction for seed in corpus.seeds], n, corpus.sources)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _ngrams(words: Sequence[str], n: int) -> Iterator[str]:
    """Yield all n-grams of `n` words; fewer words are one n-gram, and no words are none."""
    if words:
        yield from (" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1)))


def _hash(ngram: str) -> str:
    return sha256(ngram)[:16]
