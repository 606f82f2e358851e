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
    """The prompts of evaluations, as hashes of their runs of `n` words: a build may publish them, but not the prompts.

    Words are compared without letter case and punctuation. A prompt of fewer than `n` words would be found inside
    many a text that has nothing to do with it ("Write a story"): it only matches a text that says just that.
    """

    ngrams: frozenset[str]
    n: int
    sources: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Hash of all n-grams."""
        return sha256(canonical_json([self.n, sorted(self.ngrams)]))

    def shared(self, text: str) -> str:
        """The first run of words that a text shares with the evaluations; empty when there is none."""
        said = _words(text)
        return next((run for run in _runs(said, self.n) if _hash(run) in self.ngrams), "")


def contamination_of(prompts: Sequence[str], n: int, sources: Sequence[str] = ()) -> Contamination:
    """What a corpus must not share with some prompts; `n` is the length of a run in words."""
    ngrams = frozenset(_hash(run) for words in map(_words, prompts) for run in _runs(words, n))
    return Contamination(ngrams, n, tuple(sources))


def read_contamination(sources: Sequence[str], n: int) -> Contamination:
    """The prompts in files or Hub datasets, in columns named as those of seeds (`instruction`, `prompt`, `messages`).

    Raises:
        SeedError: as `read_corpus` does.
    """
    corpus = read_corpus(sources)
    return contamination_of([seed.instruction for seed in corpus.seeds], n, corpus.sources)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _runs(words: Sequence[str], n: int) -> Iterator[str]:
    """All runs of `n` words; fewer words are one run, and none are none."""
    if words:
        yield from (" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1)))


def _hash(run: str) -> str:
    return sha256(run)[:16]
