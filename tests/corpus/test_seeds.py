import json

import pytest

from ecd_data.core.errors import SeedError
from ecd_data.corpus.seeds import Columns, read_corpus

ROWS = [{"instruction": "Name a fruit.", "response": "An apple."}, {"instruction": "Name a tree.", "response": "Oak."}]


@pytest.fixture
def source(tmp_path):
    """Write rows to a JSON file, and return its path."""

    def write(rows=ROWS, name="s.json"):
        (tmp_path / name).write_text(json.dumps(rows))
        return str(tmp_path / name)

    return write


def test_seeds_have_the_texts_of_their_columns(source):
    seeds = read_corpus([source()], Columns(response="response")).seeds
    assert [(seed.instruction, seed.response) for seed in seeds] == [
        ("Name a fruit.", "An apple."),
        ("Name a tree.", "Oak."),
    ]


def test_a_response_is_used_only_if_its_column_is_named(source):
    assert all(seed.response is None for seed in read_corpus([source()]).seeds)


def test_a_chat_gives_its_first_messages(source):
    chat = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": " Name a fruit. "},
        {"role": "assistant", "content": "Fig."},
        {"role": "user", "content": "Another."},
    ]
    (seed,) = read_corpus([source([{"messages": chat}])], Columns(response="messages")).seeds
    assert (seed.instruction, seed.response) == ("Name a fruit.", "Fig.")


def test_a_dotted_column_reaches_into_nested_values_and_an_input_follows_its_instruction(source):
    row = {"instruction": "What is the relation?", "instances": [{"input": "Night : Day", "output": "Opposites."}]}
    columns = Columns(input="instances.0.input", response="instances.0.output")
    (seed,) = read_corpus([source([row])], columns).seeds
    assert seed.instruction == "What is the relation?\n\nNight : Day"
    assert seed.response == "Opposites."


def test_duplicates_are_left_out_and_counted(source):
    corpus = read_corpus([source([*ROWS, ROWS[0], {"instruction": " Name a fruit.  "}])])
    assert (len(corpus.seeds), corpus.duplicates) == (2, 2)


def test_the_id_of_a_seed_depends_on_its_text_alone(source):
    forth = read_corpus([source(ROWS, "a.json")]).seeds
    back = read_corpus([source(ROWS[::-1], "b.json")]).seeds
    assert set(forth) == set(back)


def test_a_limit_keeps_the_first_seeds_of_all_sources(source):
    sources = [source([{"instruction": f"Name {i}."}], f"{i}.json") for i in range(3)]
    assert [seed.instruction for seed in read_corpus(sources, limit=2).seeds] == ["Name 0.", "Name 1."]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no seeds"),
        ([{"instruction": "  "}], "no seeds"),
        ([{"text": "x"}], "no column 'instruction'; the columns are: text.*--instruction-column"),
        ([{"instruction": 7}], "holds a value of type int"),
        ([{"instruction": "\ud800"}], "surrogate"),
    ],
)
def test_a_value_that_cannot_be_a_seed_is_reported(source, rows, message):
    with pytest.raises(SeedError, match=message):
        read_corpus([source(rows)])


def test_an_unknown_column_is_reported_with_those_that_exist(source):
    message = "no column 'answer'; the columns are: instruction, response.*--response-column"
    with pytest.raises(SeedError, match=message):
        read_corpus([source()], Columns(response="answer"))


def test_empty_rows_and_very_long_ones_are_seeds(tmp_path):
    """They become rejects, which is for the method to say."""
    (tmp_path / "s.csv").write_text('instruction\n""\nName a fruit.\n""\n' + "x" * 200_000 + "\n")
    corpus = read_corpus([str(tmp_path / "s.csv")])
    assert [len(seed.instruction) for seed in corpus.seeds] == [0, 13, 200_000]
    assert corpus.duplicates == 1
