import re

import pytest

from ecd_data.requirements.kinds import check, grammar, repair
from ecd_data.requirements.kinds.style import contractions, language, lower_case, upper_case
from tests.helpers.requirements import required

YES, NO = True, False
PROSE = "start slowly and drink some water; it helps."


@pytest.mark.parametrize(
    ("kind", "kwargs", "text", "met"),
    [
        (lower_case, {}, "größe 5!", YES),
        (lower_case, {}, "größe A", NO),
        (lower_case, {}, "123", NO),
        (lower_case, {}, "ǅ", NO),
        (upper_case, {}, "GRÖSSE 5!", YES),
        (upper_case, {}, "GRößE", NO),
        (upper_case, {}, "Nº 5 AB", YES),
        (upper_case, {}, "5 ª", NO),
        (contractions, {}, "The dog's bone is not his.", YES),
        (contractions, {}, "It’s his.", NO),
        (contractions, {}, "They don't.", NO),
        (language, {"language": "French"}, "Bonjour, comment allez-vous aujourd'hui ?", YES),
        (language, {"language": "German"}, "Hello there, how are you today?", NO),
        (language, {"language": "German"}, "123", NO),
        (language, {"language": "French"}, "Sure! Here is the French answer:\n\nBois un verre d’eau.", NO),
        (language, {"language": "French"}, "Bois un verre d’eau le matin. I hope that helps you today!", NO),
        (language, {"language": "Spanish"}, "EMPIEZA EL DÍA DESPACIO Y BEBE AGUA.", YES),
        (language, {"language": "Spanish"}, "Comece o dia devagar e beba um copo de água.", NO),
        (language, {"language": "Spanish"}, "Ok.", NO),
    ],
)
def test_a_text_meets_it_or_does_not(kind, kwargs, text, met):
    verdict = kind(text, **kwargs)
    assert verdict.met is met, verdict.reason


@pytest.mark.parametrize(
    ("id_", "kwargs", "text", "repaired"),
    [
        ("style/lower_case", {}, "It's ÉTÉ.", "it's été."),
        ("style/upper_case", {}, "Straße 5", "STRASSE 5"),
        ("style/no_contractions", {}, "It’s late and I can't stay. Don't!", "It is late and I cannot stay. Do not!"),
        ("style/no_contractions", {}, "The dog's been fed; I'd go.", None),
        ("style/no_contractions", {}, "It's been fun.", None),
    ],
)
def test_an_answer_is_repaired_or_left_alone(id_, kwargs, text, repaired):
    assert repair(required(id_, **kwargs), text) == repaired


@pytest.mark.parametrize(
    ("id_", "kwargs", "answer"),
    [
        ("style/lower_case", {}, PROSE),
    ],
)
def test_a_plain_answer_fits_the_grammar(id_, kwargs, answer):
    requirement = required(id_, **kwargs)
    assert re.fullmatch(grammar(requirement, 300).value, answer)
    assert check(requirement, answer).met
