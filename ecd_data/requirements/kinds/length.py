"""How long an answer is, in words, sentences or characters."""

from ecd_data.core.values import Verdict
from ecd_data.requirements.grammars import LETTER, prose, sentence
from ecd_data.requirements.kind import Relation, count_verdict, kind
from ecd_data.requirements.text import sentences, words


def _counted_words(max_chars: int, *, relation: Relation, n: int) -> str | None:
    low, high = {"at_least": (n, n + 40), "at_most": (min(5, n), n), "exactly": (n, n)}[relation]
    if high * 7 > max_chars and relation == "at_least":
        return None  # the answer would be cut off
    return f"[{LETTER}]{{2,12}}(,? [{LETTER}]{{1,12}}){{{low - 1},{high - 1}}}[.]"


@kind(grammar=_counted_words, needs_counting=True)
def word_count(text: str, *, relation: Relation, n: int) -> Verdict:
    """Require at least, at most or exactly `n` words."""
    return count_verdict(len(words(text)), relation, n, "words")


def _counted_sentences(max_chars: int, *, relation: Relation, n: int) -> str | None:
    low, high = {"at_least": (n, n + 2), "at_most": (1, n), "exactly": (n, n)}[relation]
    if max_chars < high * 40:
        return None
    one = sentence(max_chars // high)
    return f"{one}( {one}){{{low - 1},{high - 1}}}" if high > 1 else one


@kind(grammar=_counted_sentences)
def sentence_count(text: str, *, relation: Relation, n: int) -> Verdict:
    """Require at least, at most or exactly `n` sentences."""
    return count_verdict(len(sentences(text)), relation, n, "sentences")


def _short_prose(max_chars: int, *, relation: Relation, n: int) -> str | None:
    return prose(min(n, max_chars)) if relation == "at_most" else None


@kind(grammar=_short_prose, needs_counting=True)
def character_count(text: str, *, relation: Relation, n: int) -> Verdict:
    """Require at least, at most or exactly `n` characters, without the white space at the ends."""
    return count_verdict(len(text.strip()), relation, n, "characters")
