"""Sentence by sentence: how long they are, how they begin and end, and which words stand in which."""

from collections import Counter
from collections.abc import Sequence

from ecd_data.core.values import Verdict
from ecd_data.requirements.grammars import around, literal, prose_with_keywords, sentence
from ecd_data.requirements.kind import Relation, count_verdict, kind
from ecd_data.requirements.text import is_question, occurrences, sentences, words


def _sentences_of_length(max_chars: int, *, relation: Relation, n: int) -> str:
    low, high = (n, n + 10) if relation == "at_least" else (3, n)
    one = f"[A-Z][a-z]{{1,11}}(,? [a-z]{{1,12}}){{{low - 2},{high - 2}}} [a-z]{{4,12}}[.]"
    return f"{one}( {one}){{1,{max(1, min(4, max_chars // (high * 8)))}}}"


@kind(grammar=_sentences_of_length, needs_counting=True)
def sentence_length(text: str, *, relation: Relation, n: int) -> Verdict:
    """Require at least, at most or exactly `n` words in every sentence."""
    counts = [len(words(sentence)) for sentence in sentences(text)]
    if not counts:
        return Verdict(False, "no sentence")
    worst = min(counts) if relation == "at_least" else max(counts)
    return count_verdict(worst, relation, n, "words in a sentence")


@kind()
def sentence_starts(text: str) -> Verdict:
    """Require at least two sentences, each beginning with another word."""
    starts = [inside[0].casefold() for sentence in sentences(text) if (inside := words(sentence))]
    if len(starts) < 2:
        return Verdict(False, f"{len(starts)} sentences")
    word, count = Counter(starts).most_common(1)[0]
    return Verdict(count == 1, f'{count} sentences begin with "{word}"')


def _questions(max_chars: int, *, n: int) -> str:
    share = max_chars // (n + 1)
    return " ".join([*[sentence(share, "[?]")] * n, sentence(share)])


def _ask(answer: str, *, n: int) -> str:
    return " ".join([answer, *["Did you know that?", "Is it new to you?"][:n]])


@kind(grammar=_questions, completion=_ask)
def question_count(text: str, *, n: int) -> Verdict:
    """Require exactly `n` sentences that are questions."""
    return count_verdict(sum(map(is_question, sentences(text))), "exactly", n, "questions")


def _keyword_in_sentence(max_chars: int, *, keyword: str, n: int) -> str:
    share = max_chars // (n + 1)
    sentences_up_to_it = [*[sentence(share)] * (n - 1), around(share, literal(keyword))]
    return f"{' '.join(sentences_up_to_it)}( {sentence(share)}){{0,1}}"


@kind(grammar=_keyword_in_sentence)
def word_in_sentence(text: str, *, keyword: str, n: int) -> Verdict:
    """Require the keyword in sentence `n`, counted from 1."""
    all_sentences = sentences(text)
    if len(all_sentences) < n:
        return Verdict(False, f"{len(all_sentences)} sentences")
    met = occurrences(all_sentences[n - 1], keyword) > 0
    return Verdict(met, f'"{keyword}" is {"" if met else "not "}in sentence {n}')


@kind(grammar=prose_with_keywords)
def words_in_one_sentence(text: str, *, keywords: Sequence[str]) -> Verdict:
    """Require one sentence that contains all of the keywords."""
    met = any(all(occurrences(sentence, word) for word in keywords) for sentence in sentences(text))
    return Verdict(met, f"{'a' if met else 'no'} sentence with {', '.join(keywords)}")
