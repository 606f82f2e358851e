"""What is wrong with an answer whatever it was asked to meet, as a reason code; and with a seed.

Each rule is a function of its own.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby, pairwise
from operator import eq
from statistics import mode

from ecd_data.core.request import Response
from ecd_data.core.values import Candidate, Requirement, Seed
from ecd_data.methods.plan import Plan

CANNOT = r"(?:i (?:can't|cannot|can not|won't)|i(?:'m| am) (?:unable|not able) to)"
REFUSAL = re.compile(
    r"\W*(?:(?:i'?m|i am) (?:very |really |so )?sorry\W+(?:but )?(?:i|as|this)\b"
    rf"|(?:sorry|unfortunately|apologies)\W+(?:but )?{CANNOT}"
    rf"|{CANNOT} (?:help|assist|fulfil|fulfill|comply|provide|answer|complete|write|create|generate|do that)"
    r"|as an ai(?:,| (?:language )?(?:model|assistant)\b)|i(?:'m| am) (?:just |only )?an ai\b"
    r"|i(?:'m| am) a (?:large )?language model)",
    re.IGNORECASE,
)
# "Sure! Here is the revised answer:" is about the answer; "Here are three ideas:" belongs to it.
CHATTER = re.compile(
    r"\W*(?:(?:sure|certainly|of course|absolutely|okay|ok|no problem)\b(?: thing)?[!,.:]+\s+(?:here|i|let me|this)\b"
    r"|here(?:'s| is| are)(?: \w+){0,2} (?:revised|updated|changed|modified|rewritten|edited|corrected|adjusted) "
    r"|(?:the |my )?(?:revised|updated|changed|modified|rewritten|edited|corrected|adjusted) "
    r"(?:answer|response|version|text)\b"
    r"|(?:i have|i've|i) (?:revised|changed|updated|modified|rewritten|added|removed|adjusted|corrected)\b"
    r".{0,40}\b(?:answer|response|text|requirement)\b)",
    re.IGNORECASE,
)
LETTERS = re.compile(r"[^\W\d_]+")
SENTENCE_END = re.compile(r"[.!?\n]")
STUTTER = re.compile(r"([^\W\d_]{1,4}?)\1{15}")  # "aaaa...", "QAQAQA..."
STUTTERED = 16  # letters at least; the search takes long
LOOP_NGRAM = 4
LOOP_SHARE = 0.3  # of the n-grams that were there before; prose stays under a tenth
LOOP_MIN_WORDS = 20
ABOUT_FORM = re.compile(
    r"\bcommas?\b|\blower-? ?case\b|\bcapital letters?\b|\bexclamation marks?\b|\bquotation marks\b|\bplaceholders?\b"
    r"|\bangular brackets\b|\b\d+ (?:characters|words|sentences|bullet points)\b"
    r"|\bthe (?:exact )?(?:words?|phrase) [\"“]"
)
ECHO = 5  # words in a row
REPEATS = 4  # times the same few words in a row; once less for four words and more
LONGEST_REPEAT = 20  # words
STEM = re.compile(r"\b\w{5}")
GAP = re.compile(r"\w {2,}\w|,[a-z]\b")  # what a grammar lets a weak model write between words


def unusable(seed: Seed, plan: Plan) -> str:
    """Return why no model should answer a seed as it stands: a reason code, or an empty string."""
    if not re.search(r"\w", seed.instruction):
        return "empty"
    if re.fullmatch(r"(?:https?://|www\.)\S+", seed.instruction):
        return "only_url"
    if max(len(seed.instruction), len(seed.response or "")) > plan.recipe.max_seed_chars:
        return "too_long"
    return "contaminated" if plan.contaminated(seed.instruction) else ""


def defect(response: Response, min_logprob: float | None = None) -> str:
    """Return the reason code for which an answer is dropped whatever was asked, or an empty string.

    Args:
        response: the answer.
        min_logprob: for guided answers, the mean token log-probability (nats) under which one counts as gibberish:
            a grammar can force a weak model into letters that it would never write.
    """
    text = response.answer
    if response.finish_reason == "length":
        return "truncated"
    if not re.search(r"\w", text):
        return "empty"
    if REFUSAL.match(text.replace("’", "'")):
        return "refusal"
    if loops(text):
        return "looping"
    if min_logprob is not None:
        unlikely = response.mean_logprob is not None and response.mean_logprob < min_logprob
        if unlikely or GAP.search(text):
            return "gibberish"
    return ""


def main_defect(candidates: Sequence[Candidate]) -> str:
    """Return the most frequent defect, the first of equals; `no_candidate` when no route had one to offer."""
    return mode(candidate.defect for candidate in candidates) if candidates else "no_candidate"


def opens_with_chatter(text: str) -> bool:
    """Return whether an answer opens with talk about itself: "Sure! Here is ...", "The revised answer is: ..."."""
    return CHATTER.match(text.replace("’", "'")) is not None


def loops(text: str) -> bool:
    """Return whether a text repeats itself: the same words in a row, the same sentence again, or many n-grams twice.

    Numbers and the lines of tables may repeat.
    """
    text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("|"))
    words = LETTERS.findall(text.casefold())
    if _stutters(text) or _repeats_a_sentence(text):
        return True
    return _repeats_words_in_a_row(words) or _repeats_many_ngrams(words)


def _stutters(text: str) -> bool:
    """Return whether a few letters come again and again: "aaaa...", "QAQAQA..."."""
    return any(len(word) >= STUTTERED for word in text.split()) and STUTTER.search(text) is not None


def _repeats_a_sentence(text: str) -> bool:
    """Return whether the same sentence of four words or more comes twice in a row."""
    sentences = (part.strip() for part in SENTENCE_END.split(text.casefold()))
    return any(one == other for one, other in pairwise(s for s in sentences if len(s.split()) > 3))


def _repeats_words_in_a_row(words: Sequence[str]) -> bool:
    """Return whether the same few words come in a row: "a lone soul, a lone soul, ..."."""
    for size in range(1, LONGEST_REPEAT + 1):
        repeats = REPEATS if size < LOOP_NGRAM else REPEATS - 1
        same = map(eq, words[size:], words)  # as the word `size` before it
        longest_run = max((len([*run]) for equal, run in groupby(same) if equal), default=0)
        if longest_run >= size * (repeats - 1):
            return True
    return False


def _repeats_many_ngrams(words: Sequence[str]) -> bool:
    """Return whether a large share of the runs of four words repeat earlier ones."""
    if len(words) < LOOP_MIN_WORDS:
        return False
    counts = Counter(zip(*(words[i:] for i in range(LOOP_NGRAM)), strict=False))
    return 1 - len(counts) / counts.total() > LOOP_SHARE


def is_off_topic(text: str, *references: str) -> bool:
    """Return whether an answer shares no longer word with the seed's instruction or the older answer.

    Words are compared by their first five letters, so that an inflection does not decide; an answer without longer
    words ("Yes.") is on topic.
    """
    stems = set(STEM.findall(text.casefold()))
    return bool(stems) and stems.isdisjoint(STEM.findall(" ".join(references).casefold()))


def echoes(text: str, requirement: Requirement, *references: str) -> bool:
    """Return whether an answer talks about the requirement ("I'll make sure to use ...") instead of meeting it.

    It does when it says nothing but the words that the requirement wants in it, when it repeats five words in a row of
    the requirement's sentence (those words do not count), or speaks of commas, capital letters and the like, where
    neither the seed's instruction nor the older answer did. What a judged requirement asks for is a subject, and an
    answer may well name it.
    """
    if requirement.check == "judge":
        return False
    text = text.casefold()
    before = " ".join(references).casefold()
    if any(term not in before for term in ABOUT_FORM.findall(text)):
        return True
    sentence, rest = requirement.text, text
    for value in requirement.kwargs.values():
        for wanted in value if isinstance(value, list) else [value]:
            sentence = sentence.replace(str(wanted), " | ")
            rest = rest.replace(str(wanted).casefold(), " ")
    if not re.search(r"\w", rest):
        return True  # nothing but what was to be in it
    words = re.findall(r"[\w']+|\|", sentence.casefold())
    runs = (words[i : i + ECHO] for i in range(len(words) - ECHO + 1))
    answer_words = " ".join(re.findall(r"[\w']+", text))
    # A bar stands for what was to be in the answer.
    return any(" ".join(run) in answer_words for run in runs if "|" not in run)
