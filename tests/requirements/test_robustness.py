"""What every check has to withstand: any text at all, typography, chatter around the answer, and very long texts."""

import gc
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecd_data.requirements.kinds import KINDS, check
from tests.helpers.dull_answer import Answer
from tests.helpers.requirements import BY_CODE

REQUEST = "How do I cook rice?"
# The parameters of each kind as one of its operations draws them.
KWARGS = {operation.check: operation.draw(random.Random(0), 1, REQUEST).kwargs for operation in BY_CODE}
BITS = [
    *(
        "Sure! Here is what you asked for:",
        "word",
        "It’s “so”.",
        "«oui»",
        "\u0301",
        "\u00ad",
        "\u200b",
        "日本。",
        "🎉",
    ),
    *("- ", "* ", "1. ", "> ", "# ", "| a | b |", "|---|---|", "```", "```python", "~~~", "***", "******", "[a](b)"),
    *("<<", ">>", "<answer>", "{", '{"answer": 1}', "[[", "]]", '"', "'", "\\", "\t", "\r\n", "\n\n", "\x00"),
]
ONE_CHARACTER = [char * 300_000 for char in ("a", "(", "[", "<", "*", '"', "'", " ", "\n", "{", "#", "|", "\u0301")]
REPEATED = [
    *(
        "*a",
        "[a",
        "<<a",
        "'a",
        "ab ",
        "| a ",
        "|-",
        "> ",
        "a: ",
        "&a ",
        "1,",
        'a;"',
        "5 ",
        "a.",
        "Hi! ",
        '"a" ',
        "a.b.",
    ),
    *("- \n", "1. a\n", "```\n", "Q: a\nA: a\n", "# a\n", "aaaa\n\n", "Section 1\n", "***\n", "P.S. a\n", "[a](b) "),
]
LONG = ONE_CHARACTER + [bits * (100_000 // len(bits)) for bits in REPEATED]
LONG += [a * 100_000 + b * 100_000 for a, b in ("()", "[]", "{}", "*_", ("<<", ">>"))]
LONG += [start + "a" * 300_000 for start in ("<<", "*", '"', "[", "```\n", "- ")]
OF_CHARACTERS = {
    "ascii_only",
    "character_count",
    "json_object",
    "json_matching",
    "yaml_mapping",
    "csv_rows",
    "code_block",
}
WHOLE = {
    *("json_object", "json_matching", "yaml_mapping", "csv_rows", "wrapped_in_quotes", "wrapped_in_tag", "title"),
    *("starts_with", "request_first", "line_count", "acrostic", "paragraph_count"),
}


@given(bits=st.lists(st.sampled_from(BITS) | st.text(max_size=5), max_size=12))
@settings(max_examples=200)
def test_any_text_gets_a_verdict_with_a_reason(bits):
    text = "".join(bits)
    for name, kind in KINDS.items():
        verdict = kind.check(text, **KWARGS[name])
        assert isinstance(verdict.met, bool), name
        assert verdict.reason, name


@pytest.mark.parametrize("operation", BY_CODE, ids=lambda operation: operation.id)
def test_typography_does_not_decide(operation):
    if operation.check in OF_CHARACTERS:
        return
    for seed in range(5):
        requirement = operation.draw(random.Random(seed), 1, REQUEST)
        met = Answer([requirement]).text()
        for text in (met, f"{met}\n\nIt's \"so\", isn't it?", 'He doesn\'t say "go" to naïve people.'):
            curly = text.replace("'", "’")
            for i in range(text.count('"')):
                curly = curly.replace('"', "“”"[i % 2], 1)
            verdict = check(requirement, text).met
            assert check(requirement, curly).met == verdict
            assert check(requirement, text.replace("ï", "i\u0308")).met == verdict


@pytest.mark.parametrize("operation", [op for op in BY_CODE if op.check in WHOLE], ids=lambda operation: operation.id)
def test_chatter_before_the_answer_is_counted(operation):
    requirement = operation.draw(random.Random(0), 1, REQUEST)
    text = Answer([requirement]).text()
    assert check(requirement, text).met
    assert not check(requirement, f"Sure! Here is what you asked for:\n\n{text}").met


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_takes_long(kind):
    check_text = KINDS[kind].check
    check_text("warm up", **KWARGS[kind])
    gc.freeze()  # what a thousand tests before left behind is collected at any moment, for a second
    for text in LONG:
        started = time.process_time()
        check_text(text, **KWARGS[kind])
        # A second on a slow and busy machine; what goes back over the text again and again takes minutes.
        assert time.process_time() - started < 10, text[:20]
