import random
import time

import pytest

from ecd_data.requirements.checks import CHECKS
from ecd_data.requirements.checks.length import paragraphs, sentences
from ecd_data.requirements.checks.words import words
from ecd_data.requirements.taxonomy import load_taxonomy

YES, NO = True, False


@pytest.mark.parametrize(
    ("kind", "kwargs", "text", "met"),
    [
        ("word_count", {"relation": "at_most", "n": 3}, "Don't use well-known words", NO),
        ("word_count", {"relation": "at_most", "n": 4}, "Don’t use well-known words", YES),
        ("word_count", {"relation": "exactly", "n": 2}, "**Grüße** — Zoë!", YES),
        ("word_count", {"relation": "at_least", "n": 3}, "one two", NO),
        ("sentence_count", {"relation": "exactly", "n": 2}, "Mr. Smith paid 3.50 euros. He left.", YES),
        ("sentence_count", {"relation": "at_most", "n": 2}, "Really? Yes! Go.", NO),
        ("sentence_count", {"relation": "exactly", "n": 3}, "- First thing\n- Second thing.\n\n3. Third", YES),
        ("paragraph_count", {"relation": "exactly", "n": 2}, "One.\nStill one.\n\n \nTwo.\n", YES),
        ("paragraph_count", {"relation": "exactly", "n": 2}, "One.\nTwo.", NO),
        ("character_count", {"relation": "at_most", "n": 5}, "  abcde \n", YES),
        ("include_words", {"keywords": ["Time", "day"]}, "Take your TIME every day.", YES),
        ("include_words", {"keywords": ["time"]}, "Sometimes", NO),
        ("avoid_words", {"keywords": ["very", "can"]}, "A candid, every-day vanity", YES),
        ("avoid_words", {"keywords": ["can't"]}, "You can’t.", NO),
        ("word_frequency", {"relation": "at_least", "keyword": "day", "n": 2}, "Day by day-time", YES),
        ("word_frequency", {"relation": "at_least", "keyword": "day", "n": 2}, "Day and today", NO),
        ("starts_with", {"phrase": "In short"}, "\nIn short, yes.", YES),
        ("starts_with", {"phrase": "In short"}, "in short, yes.", NO),
        ("starts_with", {"phrase": "In short"}, "In shorts.", NO),
        ("starts_with", {"phrase": "In short"}, "Sure! In short, yes.", NO),
        ("ends_with", {"phrase": "I hope this helps."}, "Yes. I hope this helps.\n", YES),
        ("ends_with", {"phrase": "I hope this helps."}, "Yes. I hope this helps. Bye.", NO),
        ("mentions_phrase", {"phrase": "little by little"}, "It grows Little by little.", YES),
        ("mentions_phrase", {"phrase": "little by little"}, "It grows little, by little.", NO),
        ("bullet_count", {"n": 2}, "Here:\n- a\n  * b", YES),
        ("bullet_count", {"n": 2}, "-a\n**b** c\n---", NO),
        ("numbered_steps", {"n": 2}, "1. Go\n2) Stop", YES),
        ("numbered_steps", {"n": 2}, "1. Go\n3. Stop", NO),
        ("numbered_steps", {"n": 1}, "In 2020. Nothing", NO),
        ("json_object", {"keys": ["a", "b"]}, '{"b": 1, "a": "x"}', YES),
        ("json_object", {"keys": ["a"]}, '```json\n{"a": [1]}\n```', YES),
        ("json_object", {"keys": ["a"]}, 'Sure! Here is the JSON:\n{"a": 1}', NO),
        ("json_object", {"keys": ["a"]}, '{"a": 1, "b": 2}', NO),
        ("json_object", {"keys": ["a"]}, '["a"]', NO),
        ("title", {}, "<<My day>>\n\nIt rained.", YES),
        ("title", {}, "# <<My day>>\nIt rained.", YES),
        ("title", {}, "It rained.\n<<My day>>", NO),
        ("title", {}, "<< >>\nIt rained.", NO),
        ("title", {}, "<My day>", NO),
        ("highlights", {"n": 2}, "A *red* and a **blue bag**.", YES),
        ("highlights", {"n": 1}, "2 * 3 * 4, ** and * item", NO),
        ("highlights", {"n": 1}, "* one\n* two", NO),
        ("postscript", {}, "Yes.\n\nP.S. Bring cake.", YES),
        ("postscript", {}, "Yes.\n**P.S.** Bring cake.", YES),
        ("postscript", {}, "P.S. Bring cake.\nYes.", NO),
        ("postscript", {}, "Yes.\nP.S.", NO),
        ("placeholders", {"n": 2}, "Dear [name], on [the date].", YES),
        ("placeholders", {"n": 1}, "See [this](http://x.y) and [ ].", NO),
        ("wrapped_in_quotes", {}, "“Yes, it is.”", YES),
        ("wrapped_in_quotes", {}, 'He said "yes"', NO),
        ("wrapped_in_quotes", {}, '""', NO),
        ("line_starting", {"label": "Example:"}, "Text.\n- **Example:** an apple", YES),
        ("line_starting", {"label": "Example:"}, "For instance, Example: an apple", NO),
        ("line_starting", {"label": "Example:"}, "Example:\n", NO),
        ("last_line_starting", {"label": "Answer:"}, "2 + 2\nAnswer: 4\n", YES),
        ("last_line_starting", {"label": "Answer:"}, "Answer: 4\nBecause.", NO),
        ("lower_case", {}, "größe 5!", YES),
        ("lower_case", {}, "größe A", NO),
        ("lower_case", {}, "123", NO),
        ("upper_case", {}, "GRÖSSE 5!", YES),
        ("upper_case", {}, "GRößE", NO),
        ("no_characters", {"characters": ",،，", "name": "commas"}, "one; two", YES),
        ("no_characters", {"characters": ",،，", "name": "commas"}, "一，二", NO),
        ("no_digits", {}, "four", YES),
        ("no_digits", {}, "٤", NO),
        ("language", {"language": "French"}, "Bonjour, comment allez-vous aujourd'hui ?", YES),
        ("language", {"language": "German"}, "Hello there, how are you today?", NO),
        ("language", {"language": "German"}, "123", NO),
        # Unicode: composed or not, soft hyphens, typographic marks
        ("word_count", {"relation": "exactly", "n": 2}, "nai\u0308ve cafe\u0301", YES),
        ("word_count", {"relation": "exactly", "n": 2}, "data\u00adbase non\u2011stop", YES),
        ("word_count", {"relation": "exactly", "n": 5}, "The U.S. paid 1,000.50 dollars", YES),
        ("word_count", {"relation": "exactly", "n": 0}, " — … *** ", YES),
        ("include_words", {"keywords": ["café"]}, "A cafe\u0301.", YES),
        ("include_words", {"keywords": ["time"]}, "_time_ and **more**", YES),
        ("include_words", {"keywords": ["friend"]}, "My friend’s car", YES),
        ("avoid_words", {"keywords": ["can"]}, "I can’t", YES),
        ("mentions_phrase", {"phrase": "step by step"}, "It goes step\nby step.", YES),
        ("lower_case", {}, "ǅ", NO),
        ("upper_case", {}, "Nº 5 AB", YES),
        ("upper_case", {}, "5 ª", NO),
        ("no_digits", {}, "x², ½", NO),
        ("no_digits", {}, "chapter Ⅳ", YES),
        ("no_characters", {"characters": "!！¡", "name": "exclamation marks"}, "¡Hola", NO),
        # chatter around the answer is part of the answer
        ("title", {}, "Sure! Here it is: <<My day>>\nIt rained.", NO),
        ("title", {}, "**<<My day>>**\nIt rained.", YES),
        ("wrapped_in_quotes", {}, 'Here you go: "Yes."', NO),
        ("ends_with", {"phrase": "I hope this helps."}, "Yes. *I hope this helps.*", YES),
        ("ends_with", {"phrase": "hope this helps."}, "Yes. Ihope this helps.", NO),
        ("ends_with", {"phrase": "Let me know what you think."}, "Let me know what you think", NO),
        ("starts_with", {"phrase": "First of all"}, "**First of all**, sit down.", YES),
        ("language", {"language": "French"}, "Sure! Here is the French answer:\n\nBois un verre d’eau.", NO),
        ("language", {"language": "French"}, "Bois un verre d’eau le matin. I hope that helps you today!", NO),
        ("language", {"language": "Spanish"}, "EMPIEZA EL DÍA DESPACIO Y BEBE AGUA.", YES),
        ("language", {"language": "Spanish"}, "Comece o dia devagar e beba um copo de água.", NO),
        ("language", {"language": "Spanish"}, "Ok.", NO),
        # one quotation around the whole, not one at each end
        ("wrapped_in_quotes", {}, '"Go," she said. "Now."', NO),
        ("wrapped_in_quotes", {}, '"She said "go" and left."', YES),
        ("wrapped_in_quotes", {}, '"“Go,” she said."', YES),
        ("wrapped_in_quotes", {}, "„Ja, das ist gut.“", YES),
        ("wrapped_in_quotes", {}, "« Oui, c’est bon. »", YES),
        ("wrapped_in_quotes", {}, "'Yes.'", NO),
        ("wrapped_in_quotes", {}, '"Yes.', NO),
        # nested and decorated Markdown
        ("highlights", {"n": 1}, "A ***very bold*** word", YES),
        ("highlights", {"n": 2}, "- *one*: yes\n* **two**: no", YES),
        ("highlights", {"n": 1}, "**bold with *nested* emphasis**", YES),
        ("highlights", {"n": 1}, "3*4*5 and *open", NO),
        ("bullet_count", {"n": 2}, "• a\n\t+ b\n* * *\n- - -", YES),
        ("bullet_count", {"n": 1}, "- a\r\n- b", NO),
        ("numbered_steps", {"n": 2}, "**1. Go**\n### Step 2: Stop", YES),
        ("numbered_steps", {"n": 2}, "1. Go\n1. Stop", NO),
        ("numbered_steps", {"n": 2}, "1. Go 2. Stop", NO),
        ("placeholders", {"n": 1}, "Cited [1], done [x], and [2024].", NO),
        ("postscript", {}, "Yes.\n\nP.S. Bring cake,\nand forks.", YES),
        ("postscript", {}, "Yes.\n\nPS: Bring cake.", NO),
        ("last_line_starting", {"label": "Answer:"}, "2 + 2\n**Answer:** 4", YES),
        ("last_line_starting", {"label": "Answer:"}, "2 + 2\nThe Answer: 4", NO),
        ("paragraph_count", {"relation": "exactly", "n": 2}, "One.\r\n\r\nTwo.\r\n\r\n---", YES),
        # what is a sentence
        ("sentence_count", {"relation": "exactly", "n": 2}, '"One is here. Two is there."', YES),
        ("sentence_count", {"relation": "exactly", "n": 1}, "<<A title>>\n\nOne is here.", YES),
        ("sentence_count", {"relation": "exactly", "n": 2}, "1. Do this. 2. Do that.", YES),
        ("sentence_count", {"relation": "exactly", "n": 1}, "42.", YES),
        ("sentence_count", {"relation": "exactly", "n": 2}, "E.g. apples, pears etc. are fruit... Really?!", YES),
        # JSON and nothing but
        ("json_object", {"keys": ["a"]}, '{"a": 1}\nHope this helps!', NO),
        ("json_object", {"keys": ["a"]}, '{"a": NaN}', NO),
        ("json_object", {"keys": ["a"]}, "{'a': 1}", NO),
        ("json_object", {"keys": ["a"]}, '{"a": 1}{"a": 1}', NO),
        ("json_object", {"keys": ["a"]}, '```JSON\n{"a": "```"}\n```\n', YES),
    ],
)
def test_texts_are_told_apart(kind, kwargs, text, met):
    verdict = CHECKS[kind](text, **kwargs)
    assert verdict.met is met, verdict.reason
    assert verdict.reason


def test_the_reason_says_what_was_counted():
    verdict = CHECKS["word_count"]("one two three", relation="at_most", n=2)
    assert verdict.reason == "3 words, at most 2 asked"


def test_units():
    assert words("Don't panic: it's 5-ish.") == ["Don't", "panic", "it's", "5-ish"]
    assert sentences("## A title\n\nOne. Two!\n\n---\n") == ["One.", "Two!"]
    assert paragraphs("\n\na\n\n\nb\n") == ["a", "b"]


# The parameters of each kind, as one of its operations draws them.
KWARGS = {op.check: op.draw(random.Random(0), 1).kwargs for op in load_taxonomy().values() if op.check in CHECKS}
REPEATED = [
    "a",
    "(",
    "[",
    "<",
    "*",
    '"',
    " ",
    "\n",
    "\u0301",
    "*a",
    "[a",
    "<<a",
    "- \n",
    "1. a\n",
    "Hi! ",
    "```\n",
    "'a",
    "| a ",
    "|-",
    "> ",
    "a: ",
    "{",
    "&a ",
    "1,",
    'a;"',
    "5 ",
    "a.",
    "Q: a\nA: a\n",
    "# a\n",
]
# A megabyte of one character, a hundred thousand characters of what patterns might trip over.
LONG = [text * (1_000_000 if len(text) == 1 else 100_000 // len(text)) for text in REPEATED]
LONG += ["<<" + "a" * 1_000_000, "*" + "a" * 1_000_000]


@pytest.mark.parametrize("kind", CHECKS)
def test_no_text_takes_long(kind):
    CHECKS[kind]("warm up", **KWARGS[kind])
    for text in LONG:
        started = time.process_time()
        CHECKS[kind](text, **KWARGS[kind])
        assert time.process_time() - started < 2, text[:20]
