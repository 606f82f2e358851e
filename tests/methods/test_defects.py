import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.core.request import Response
from ecd_data.core.values import Requirement
from ecd_data.methods.defects import defect, echoes, is_off_topic, loops, opens_with_chatter

PROSE = (
    "A good morning starts the evening before. Lay out your clothes, pack your bag and go to bed early. "
    "When you wake up, drink a glass of water, open the window and stretch for a minute or two before breakfast."
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PROSE, ""),
        (PROSE.upper(), ""),
        ("Paris.", ""),
        ("", "empty"),
        (" \n\t", "empty"),
        ("...", "empty"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("I’m sorry, but I can’t assist with that request.", "refusal"),
        ("Sorry, I cannot do that.", "refusal"),
        ("As an AI language model, I have no opinion.", "refusal"),
        ("I cannot provide that.", "refusal"),
        ("I'm unable to help with that request.", "refusal"),
        ("I’m not able to provide that.", "refusal"),
        ("Unfortunately, I'm unable to do this.", "refusal"),
        ("As an AI engineer at a startup, I write code all day.", ""),
        ("Dear Ann, I'm sorry to hear that your dog is ill.", ""),
        ("I can't wait to see you at the party!", ""),
        ("In the depths, a lone soul, a lone soul, a lone soul, a lone soul,", "looping"),
        ("no no no no no", "looping"),
        ("It survives no matter what, it survives no matter what, it survives no matter what.", "looping"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "looping"),
        ("Q: What is it?\nA: A,A,QAQAQAQAQAQAQAQAQAQAQAQAQAQAQAQAQAQAQA.", "looping"),
        ((PROSE + " ") * 3, "looping"),
        ("P.S. I hope you like it.\n\nP.S. I hope you like it.", "looping"),
    ],
)
def test_answers_are_dropped_for_what_is_wrong_with_them(text, reason):
    assert defect(Response(text, "stop")) == reason


def test_a_truncated_answer_is_dropped_whatever_it_says():
    assert defect(Response(PROSE, "length")) == "truncated"


def test_gibberish_is_statistics_from_files_its_probability_where_that_was_asked_for():
    assert defect(Response(PROSE, "stop", mean_logprob=-3.0), min_logprob=-2.0) == "gibberish"
    assert defect(Response(PROSE, "stop", mean_logprob=-1.0), min_logprob=-2.0) == ""
    assert defect(Response(PROSE, "stop", mean_logprob=-3.0)) == ""
    assert defect(Response("The bus  to  town", "stop"), min_logprob=-2.0) == "gibberish"
    assert defect(Response("The bus  to  town", "stop")) == ""


@pytest.mark.parametrize(
    ("text", "about_itself"),
    [
        ("Sure! Here is the revised answer: Drink water.", True),
        ("Certainly, I can do that. Drink water.", True),
        ("**Here’s the updated version:**\n\nDrink water.", True),
        ("Here is a slightly modified text.", True),
        ("Revised answer: Drink water.", True),
        ("I've added the words to my answer.", True),
        ("Here are three new ideas for a party.", False),
        ("Here is a recipe.", False),
        ("Sure, why not?", False),
        ("I added the eggs to the flour.", False),
        ("Of course it rains in autumn.", False),
    ],
)
def test_talk_about_the_answer_is_told_from_the_answer(text, about_itself):
    assert opens_with_chatter(text) is about_itself


def test_a_passage_of_reasoning_is_no_part_of_the_answer():
    assert Response("<think>\nHm.\n</think>\n\nDrink water.", "stop").answer == "Drink water."
    assert defect(Response("<think>I cannot help it</think> Drink water.", "stop")) == ""
    assert defect(Response("<think>Hm, hm", "stop")) == "empty"


def test_tables_and_forms_do_not_loop():
    table = "| Day | Rain |\n|---|---|\n" + "| Monday | none at all |\n" * 6
    assert not loops(f"The week:\n\n{table}")
    assert not loops("Name: ____________________________\nBinary: 0 0 0 0 0 0 0 0")


@given(st.text(max_size=300))
def test_any_text_ends_in_a_verdict(text):
    assert loops(text) in (True, False)


def test_an_answer_without_any_word_of_the_task_is_off_topic():
    topic, older = "Describe a sunny day at the beach.", "The waves were warm and the sand was hot."
    assert is_off_topic("You can use the repeat function in Python.", topic, older)
    assert not is_off_topic("A beach in summer is a happy place.", topic, older)
    assert not is_off_topic("Those waves!", topic, older)
    assert not is_off_topic("Yes.", topic, older)


def test_an_answer_that_talks_about_the_requirement_is_told_from_one_that_meets_it():
    words = {"keywords": ["time", "together"]}
    wish = Requirement(
        "content/include_keywords", 'Make sure to use the words "time" and "together".', words, "code", 1
    )
    assert echoes("I'll make sure to use the words in my answer.", wish, "Name a dish.")
    assert not echoes("We have time to cook together.", wish, "Name a dish.")
    phrase = {"phrase": "And that is the main idea."}
    end = Requirement("content/end_phrase", 'End with "And that is the main idea."', phrase, "code", 1)
    assert not echoes("Bread rises. And that is the main idea.", end, "Name a dish.")
    assert not echoes("We have 20 words left.", wish, "Name a dish.", "We have 20 words.")
    judged = Requirement("content/mention_risk", "Name one risk of the use of the words.", {}, "judge", 1)
    assert not echoes("One risk of the use of the words is that they bore.", judged, "Name a dish.")
    start = Requirement("content/start_phrase", 'Start with "In short".', {"phrase": "In short"}, "code", 1)
    assert echoes("In short.", start, "Name a dish.")
    assert not echoes("In short, bread.", start, "Name a dish.")
    commas = Requirement("style/no_commas", "Do not use any commas.", {"characters": ",", "name": "commas"}, "code", 1)
    assert echoes("I am smarter without using commas.", commas, "Are you smart?")
    assert not echoes("A comma splits a sentence.", commas, "What is a comma for?")


@pytest.mark.parametrize(
    ("text", "reference", "astray"),
    [
        ("Gardens", "the garden", False),
        ("(gardens)", '"gardening"', False),
        ("x_garden", "garden", True),
        ("garden", "x_garden", True),
        ("a b c", "garden", False),
    ],
)
def test_words_are_compared_by_how_they_begin(text, reference, astray):
    assert is_off_topic(text, reference) == astray


@pytest.mark.parametrize("line_break", ["\n", "\r", "\x0b", "\x85", "\u2028"])
@pytest.mark.parametrize("mark", [".", "!", "?!", ""])
def test_a_sentence_that_comes_twice_in_a_row_loops_even_if_it_is_all_numbers(mark, line_break):
    assert loops(f"1 2 3 4{mark}{line_break}1 2 3 4{mark}")
    assert not loops(f"1 2 3 4{mark}{line_break}1 2 3 5{mark}")


@pytest.mark.parametrize("letters", ["\u00e9" * 16, "\u0390" * 16])
def test_letters_that_are_not_ascii_stutter_too(letters):
    assert loops(f"It is {letters}")
