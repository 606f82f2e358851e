"""Decontamination: seeds and evolved instructions that share words with the prompts of an evaluation are left out.

python -m ecd_data.generate --seeds seeds.jsonl --decontaminate google/IFEval ...
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ecd_data.corpus.seeds import read_corpus
from ecd_data.values import canonical_json, sha256


@dataclass(frozen=True)
class Contamination:
    """The prompts of evaluations, as runs of `n` words.

    Words are compared without letter case and punctuation. A prompt of fewer than `n` words would be found inside
    many a text that has nothing to do with it ("Write a story"): it only matches a text that says just that.
    """

    ngrams: frozenset[tuple[str, ...]]
    n: int
    sources: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Hash of all n-grams."""
        return sha256(canonical_json([self.n, sorted(self.ngrams)]))

    def shared(self, text: str) -> str:
        """The first run of words that a text shares with the evaluations; empty when there is none."""
        said = _words(text)
        if len(said) < self.n:
            return " ".join(said) if said in self.ngrams else ""
        runs = (said[i : i + self.n] for i in range(len(said) - self.n + 1))
        return next((" ".join(run) for run in runs if run in self.ngrams), "")


def contamination_of(prompts: Sequence[str], n: int, sources: Sequence[str] = ()) -> Contamination:
    """What a corpus must not share with some prompts; `n` is the length of a run in words."""
    ngrams: set[tuple[str, ...]] = set()
    for words in map(_words, prompts):
        ngrams.update(words[i : i + n] for i in range(max(1, len(words) - n + 1)))
    return Contamination(frozenset(ngrams - {()}), n, tuple(sources))


def read_contamination(sources: Sequence[str], n: int) -> Contamination:
    """The prompts in files or Hub datasets, in columns named as those of seeds (`instruction`, `prompt`, `messages`).

    Raises:
        SeedError: as `read_corpus` does.
    """
    corpus = read_corpus(sources)
    return contamination_of([seed.instruction for seed in corpus.seeds], n, corpus.sources)


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.casefold()))
