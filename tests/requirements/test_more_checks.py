"""The kinds of check beyond IFEval's: examples on both sides of each line, and properties over drawn parameters."""

import datetime
import json
import random

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.requirements.checks import CHECKS
from ecd_data.requirements.taxonomy import load_taxonomy

YES, NO = True, False
TABLE = "| Item | Use |\n|---|---|\n| cup | tea |\n| pan | eggs |"
SCHEMA = {
    **{"type": "object", "required": ["a"], "additionalProperties": False},
    "properties": {"a": {"type": "array", "items": {"type": "string"}, "minItems": 1}},
}


@pytest.mark.parametrize(
    ("kind", "kwargs", "text", "met"),
    [
        ("heading_count", {"level": 2, "n": 2}, "## A\ntext\n\n## B ##\n", YES),
        ("heading_count", {"level": 2, "n": 2}, "## A\n```\n## B\n```", NO),
        ("heading_count", {"level": 2, "n": 1}, "# A\n\n## B\n\n### C", YES),
        ("heading_count", {"level": 2, "n": 1}, "##A", NO),
        ("heading_count", {"level": 2, "n": 1}, "A\n---", NO),
        ("table", {"columns": ["Item", "Use"], "n": 2}, TABLE, YES),
        ("table", {"columns": ["Item", "Use"], "n": 2}, f"Here it is:\n\n{TABLE}\n\nGood luck!", YES),
        ("table", {"columns": ["Item", "Use"], "n": 2}, TABLE.replace("Item", "**item**"), YES),
        ("table", {"columns": ["Item", "Use"], "n": 2}, f"```\n{TABLE}\n```", NO),
        ("table", {"columns": ["Item", "Use"], "n": 3}, TABLE, NO),
        ("table", {"columns": ["Use", "Item"], "n": 2}, TABLE, NO),
        ("table", {"columns": ["Item", "Use"], "n": 2}, TABLE.replace("tea", " "), NO),
        ("table", {"columns": ["Item", "Use"], "n": 2}, "Item | Use", NO),
        ("checklist", {"n": 2}, "- [ ] a\n* [x] b\n- c", YES),
        ("checklist", {"n": 1}, "- [] a", NO),
        ("divider_count", {"n": 1}, "a\n\n---\n\nb", YES),
        ("divider_count", {"n": 1}, "a\n***\nb", NO),
        ("block_quote", {}, "So:\n> Be kind.", YES),
        ("block_quote", {}, "3 > 2\n>", NO),
        ("wrapped_in_tag", {"tag": "answer"}, "\n<answer>\nYes\n</answer> ", YES),
        ("wrapped_in_tag", {"tag": "answer"}, "Sure! <answer>Yes</answer>", NO),
        ("wrapped_in_tag", {"tag": "answer"}, "<answer>a</answer><answer>b</answer>", NO),
        ("wrapped_in_tag", {"tag": "answer"}, "<answer> </answer>", NO),
        ("code_block", {"language": "python"}, "So:\n```python\nx = [1]\n```", YES),
        ("code_block", {"language": "python"}, "```python\nx = [1\n```", NO),
        ("code_block", {"language": "python"}, "```\nx = 1\n```", NO),
        ("code_block", {"language": "python"}, "```python\n# nothing\n```", NO),
        ("json_matching", {"schema": SCHEMA}, '```json\n{"a": ["x"]}\n```', YES),
        ("json_matching", {"schema": SCHEMA}, '{"a": []}', NO),
        ("json_matching", {"schema": SCHEMA}, '{"a": ["x"], "b": 1}', NO),
        ("json_matching", {"schema": SCHEMA}, '{"a": ["x"], "a": ["y"]}', NO),
        ("json_matching", {"schema": SCHEMA}, 'Sure! {"a": ["x"]}', NO),
        ("json_matching", {"schema": SCHEMA}, '```json\n{"a": ["x"]}\n```\n```\n\n```', NO),
        ("yaml_mapping", {"keys": ["a", "b"]}, "a: x\nb:\n  - y", YES),
        ("yaml_mapping", {"keys": ["a", "b"]}, "```yaml\na: x\nb: y\n```", YES),
        ("yaml_mapping", {"keys": ["a", "b"]}, "a: x\nb:", NO),
        ("yaml_mapping", {"keys": ["a"]}, "Here you go:\na: x", NO),
        ("yaml_mapping", {"keys": ["a"]}, "- a: x", NO),
        ("yaml_mapping", {"keys": ["a"]}, "a: !!python/object/apply:os.system [ls]", NO),
        ("yaml_mapping", {"keys": ["a"]}, "a: x\na: y", NO),
        ("csv_rows", {"columns": ["a", "b"], "n": 1}, 'a,b\n"x, y",z', YES),
        ("csv_rows", {"columns": ["a", "b"], "n": 1}, "A, B\nx, y\n", YES),
        ("csv_rows", {"columns": ["a", "b"], "n": 1}, "a,b\nx", NO),
        ("csv_rows", {"columns": ["a", "b"], "n": 1}, "a,b\nx,", NO),
        ("csv_rows", {"columns": ["a", "b"], "n": 2}, "a,b\nx,y", NO),
        ("csv_rows", {"columns": ["a", "b"], "n": 1}, "Sure!\na,b\nx,y", NO),
        ("number_count", {"n": 2}, "1. About 3 of 1,000.5 people", YES),
        ("number_count", {"n": 1}, "1) B2B and v2", NO),
        ("percentage", {}, "About 12.5 % of them", YES),
        ("percentage", {}, "About twelve percent; 100%25 is a code", NO),
        ("iso_date", {}, "It is on 2024-02-29.", YES),
        ("iso_date", {}, "It is on 2023-02-29.", NO),
        ("iso_date", {}, "It is on 2024-05-01, or May 2.", NO),
        ("iso_date", {}, "It may 2024-05-01 be.", YES),
        ("iso_date", {}, "On 1/5/2024 and 2024-05-01", NO),
        ("metric_units", {}, "It weighs 5,000 kg.", YES),
        ("metric_units", {}, "It weighs 5 kg (11 lbs).", NO),
        ("metric_units", {}, "It weighs a kg.", NO),
        ("metric_units", {}, "30\u00a0cm", NO),
        ("line_count", {"n": 2}, "a\n\n b \n", YES),
        ("line_count", {"n": 2}, "a b", NO),
        ("labelled_lines", {"labels": ["Pro:", "Con:"]}, "So.\n- **Pro:** x\n- Con: y", YES),
        ("labelled_lines", {"labels": ["Pro:", "Con:"]}, "Con: y\nPro: x", NO),
        ("labelled_lines", {"labels": ["Pro:", "Con:"]}, "Pro: x\nPro: z\nCon: y", NO),
        ("labelled_lines", {"labels": ["Pro:", "Con:"]}, "Pro:\nx\nCon: y", NO),
        ("question_and_answer", {"n": 1}, "So.\nQ: Why?\n\nA: So.", YES),
        ("question_and_answer", {"n": 2}, "Q: Why?\nQ: How?\nA: So.\nA: So.", NO),
        ("last_line_items", {"label": "See also:", "n": 2}, "x\nSee also: a, b\n", YES),
        ("last_line_items", {"label": "See also:", "n": 2}, "x\nSee also: a, b, c", NO),
        ("last_line_items", {"label": "See also:", "n": 2}, "See also: a, b\nx", NO),
        ("percent_line", {"label": "Confidence:"}, "x\n**Confidence:** 80%", YES),
        ("percent_line", {"label": "Confidence:"}, "x\nConfidence: 180%", NO),
        ("percent_line", {"label": "Confidence:"}, "x\nConfidence: high", NO),
        ("acrostic", {"word": "rain"}, "Run\n\nand\n*I*\nnod", YES),
        ("acrostic", {"word": "rain"}, "Rain", NO),
        ("alliteration", {"letter": "s", "n": 2}, "Sun and “sea”", YES),
        ("alliteration", {"letter": "s", "n": 2}, "sun this", NO),
        ("palindrome", {}, "Check the Radar!", YES),
        ("palindrome", {}, "Mom, wow, 1001 aaaa", NO),
        ("longest_word", {"n": 5}, "well-known words 1234567", YES),
        ("longest_word", {"n": 5}, "longer", NO),
        ("repeated_words", {"n": 1}, "the water and the earth", YES),
        ("repeated_words", {"n": 1}, "Water, water", NO),
        ("contractions", {}, "The dog's bone is not his.", YES),
        ("contractions", {}, "It’s his.", NO),
        ("contractions", {}, "They don't.", NO),
        ("ascii_only", {}, "Plain 'text'", YES),
        ("ascii_only", {}, "café", NO),
        ("emoji_count", {"n": 2}, "🎉 ☀️", YES),
        ("emoji_count", {"n": 2}, "👍🏽", NO),
        ("emoji_count", {"n": 1}, ":) →", NO),
        ("parentheses", {"n": 1}, "a (see below) b", YES),
        ("parentheses", {"n": 1}, "f(x) (1)", NO),
        ("mark_count", {"mark": ";", "name": "semicolons", "n": 1}, "a; b", YES),
        ("sentence_length", {"relation": "at_most", "n": 3}, "One two three. Four.", YES),
        ("sentence_length", {"relation": "at_most", "n": 3}, "One. Two three four five.", NO),
        ("sentence_length", {"relation": "at_least", "n": 2}, "One two. Three.", NO),
        ("sentence_starts", {}, "Dogs bark. Cats sleep.", YES),
        ("sentence_starts", {}, "The dog barks. “The cat” sleeps.", NO),
        ("sentence_starts", {}, "Only one.", NO),
        ("question_count", {"n": 1}, "Why? Because.", YES),
        ("question_count", {"n": 1}, "Because.", NO),
        ("ends_with_question", {}, 'So: "Why?"\n', YES),
        ("ends_with_question", {}, "Why? So.", NO),
        ("word_in_sentence", {"keyword": "light", "n": 2}, "So. The Light shines.", YES),
        ("word_in_sentence", {"keyword": "light", "n": 2}, "The light shines. So.", NO),
        ("words_in_one_sentence", {"keywords": ["if", "then"]}, "If it rains, then stay.", YES),
        ("words_in_one_sentence", {"keywords": ["if", "then"]}, "Ask if it rains. Then stay.", NO),
        ("ordered_words", {"keywords": ["book", "river"]}, "A Book by the river", YES),
        ("ordered_words", {"keywords": ["book", "river"]}, "A river in a book by the river", NO),
        ("ordered_words", {"keywords": ["book", "river"]}, "Books by the river", NO),
    ],
)
def test_a_check_on_either_side_of_the_line(kind, kwargs, text, met):
    verdict = CHECKS[kind](text, **kwargs)
    assert verdict.met is met, verdict.reason
    assert verdict.reason


WORD = st.text("abcdefghijklmnopqrstuvwz", min_size=3, max_size=9).filter(
    lambda word: word not in ("null", "true", "yes")
)
WORDS = st.lists(WORD, min_size=2, max_size=6, unique=True)


@given(WORDS, st.integers(1, 5), st.data())
def test_tables_and_csv_of_drawn_shapes(columns, n, data):
    cells = [[data.draw(WORD) for _ in columns] for _ in range(n)]
    table = "\n".join("|" + "|".join(row) + "|" for row in [columns, ["-"] * len(columns), *cells])
    assert CHECKS["table"](table, columns=columns, n=n).met
    assert not CHECKS["table"](table, columns=columns, n=n + 1).met
    assert not CHECKS["table"](table, columns=[*columns, "more"], n=n).met
    rows = "\n".join(",".join(row) for row in [columns, *cells])
    assert CHECKS["csv_rows"](rows, columns=columns, n=n).met
    assert not CHECKS["csv_rows"](rows + ",x", columns=columns, n=n).met
    assert not CHECKS["csv_rows"](rows, columns=columns[::-1], n=n).met


@given(WORDS, st.text(min_size=1).filter(str.strip))
def test_yaml_of_drawn_keys(keys, value):
    text = yaml.safe_dump(dict.fromkeys(keys, value), allow_unicode=True)
    assert CHECKS["yaml_mapping"](text, keys=keys).met
    assert not CHECKS["yaml_mapping"](text, keys=keys[1:]).met
    assert not CHECKS["yaml_mapping"](f"Sure, here it is.\n{text}", keys=keys).met


@given(st.sampled_from(load_taxonomy()["format/json_schema"].params["schema"]["choice"]), st.data())
def test_json_of_the_shipped_schemas(schema, data):
    def value(part):
        if "enum" in part:
            return data.draw(st.sampled_from(part["enum"]))
        if part["type"] == "array":
            return [value(part["items"]) for _ in range(part["minItems"])]
        if part["type"] == "string":
            return data.draw(st.text(min_size=1, max_size=part["maxLength"]))
        return data.draw(st.booleans() if part["type"] == "boolean" else st.integers(part["minimum"], part["maximum"]))

    good = {name: value(part) for name, part in schema["properties"].items()}
    assert CHECKS["json_matching"](json.dumps(good), schema=schema).met
    missing = data.draw(st.sampled_from(sorted(good)))
    assert not CHECKS["json_matching"](json.dumps({k: v for k, v in good.items() if k != missing}), schema=schema).met
    assert not CHECKS["json_matching"](json.dumps({**good, missing: None}), schema=schema).met


@given(st.integers(0, 8), st.integers(1, 6))
def test_counted_blocks_of_markdown(there, asked):
    for kind, block, kwargs in [
        ("heading_count", "## Home\n\nText.", {"level": 2}),
        ("checklist", "- [ ] go", {}),
        ("divider_count", "---", {}),
        ("line_count", "A line.", {}),
        ("question_and_answer", "Q: Why?\nA: So.", {}),
    ]:
        verdict = CHECKS[kind]("\n\n".join([block] * there), n=asked, **kwargs)
        assert verdict.met is (there == asked), (kind, verdict.reason)


@given(st.integers(0, 8), st.integers(1, 6))
def test_at_least_so_many(there, asked):
    for kind, part, kwargs in [
        ("number_count", "42", {}),
        ("emoji_count", "🙂", {}),
        ("parentheses", "(an aside)", {}),
        ("mark_count", ";", {"mark": ";", "name": "semicolons"}),
        ("alliteration", "sun", {"letter": "s"}),
    ]:
        verdict = CHECKS[kind](" word ".join([part] * there), n=asked, **kwargs)
        assert verdict.met is (there >= asked), (kind, verdict.reason)


@given(st.dates(min_value=datetime.date(1000, 1, 1)))
def test_every_date_in_this_format_is_one(date):
    assert CHECKS["iso_date"](f"On {date.isoformat()}.").met
    assert not CHECKS["iso_date"](f"On {date:%m/%d/%Y}.").met
    assert not CHECKS["iso_date"](f"On {date.isoformat()} or {date:%B} {date.day}.").met


@given(st.integers(0, 150))
def test_a_percentage_ends_at_a_hundred(share):
    assert CHECKS["percent_line"](f"So.\nConfidence: {share}%", label="Confidence:").met is (share <= 100)


@given(st.text("abcdefgh", min_size=2, max_size=7), WORD)
def test_acrostics_and_palindromes(word, rest):
    lines = [f"{letter}{rest} on" for letter in word]
    assert CHECKS["acrostic"]("\n".join(lines), word=word).met
    assert not CHECKS["acrostic"]("\n".join([*lines, "more"]), word=word).met
    there = CHECKS["palindrome"](f"so {word}x{word[::-1]} is").met
    assert there
    assert not CHECKS["palindrome"](f"so {word}xyz is").met


@given(st.lists(WORD, min_size=1, max_size=30), st.integers(1, 12))
def test_length_and_repetition_of_words(found, n):
    text = " ".join(found)
    assert CHECKS["longest_word"](text, n=n).met is (max(map(len, found)) <= n)
    longer = [word for word in found if len(word) > 4]
    assert CHECKS["repeated_words"](text, n=n).met is all(longer.count(word) <= n for word in longer)


@given(WORDS, st.integers(1, 12))
def test_order_placement_and_length_in_sentences(found, n):
    text = " ".join(f"Well {word} is good." for word in found)
    assert CHECKS["ordered_words"](text, keywords=found).met
    assert not CHECKS["ordered_words"](text, keywords=found[::-1]).met
    for number, word in enumerate(found, 1):
        assert CHECKS["word_in_sentence"](text, keyword=word, n=number).met
        assert not CHECKS["word_in_sentence"](text, keyword=word, n=number % len(found) + 1).met
    assert CHECKS["words_in_one_sentence"](text, keywords=["well", found[0]]).met
    assert not CHECKS["words_in_one_sentence"](text, keywords=found).met
    assert CHECKS["sentence_length"](text, relation="at_most", n=n).met is (n >= 4)
    assert CHECKS["sentence_length"](text, relation="at_least", n=n).met is (n <= 4)
    assert not CHECKS["sentence_starts"](text).met
    assert CHECKS["sentence_starts"](" ".join(f"{word} is good." for word in found)).met


@given(st.lists(st.booleans(), min_size=1, max_size=8))
def test_questions_are_counted(asked):
    text = " ".join("Is it so?" if question else "It is so." for question in asked)
    assert CHECKS["question_count"](text, n=sum(asked)).met
    assert CHECKS["ends_with_question"](text).met is asked[-1]


@given(st.text())
def test_ascii(text):
    assert CHECKS["ascii_only"](text).met is text.isascii()


def test_what_a_shipped_operation_draws_fits_its_check():
    for operation in load_taxonomy().values():
        if operation.check in CHECKS:
            for i in range(20):
                CHECKS[operation.check]("Some text.", **operation.draw(random.Random(i), 1).kwargs)
