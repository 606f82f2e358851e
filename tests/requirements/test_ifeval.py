"""Our verdicts beside those of IFEval's reference implementation, for every kind of requirement that both have.

Nothing is left out: on every text ours is the reference's verdict on the text as we read it. Where that reading makes
no difference to the reference, we and it agree as they stand.
"""

import functools
import random
from collections import Counter
from importlib import resources

import langdetect
import nltk
import pytest
from if_verifiable import common
from if_verifiable.ifeval import instructions_util

from ecd_data.core.values import Requirement
from ecd_data.requirements.ifeval import check_loose, ifeval_requirement, loose_variants
from ecd_data.requirements.kinds import check
from ecd_data.requirements.taxonomy import load_taxonomy
from tests.helpers.ifeval_kinds import ANY_JSON, KINDS, LANGUAGE, PLAIN, PROSE, REFERENCE, SENTENCES

TEXTS = 1000
remember = functools.lru_cache(maxsize=16)


@pytest.fixture(autouse=True)
def reference_without_data(monkeypatch):
    """Keep the reference from downloading anything and from asking for more than we do: see IFEVAL.md.

    `word_tokenize` first cuts sentences with a trained model, which changes no count of words in capitals; the letter
    case kinds also ask for English, which is a requirement of its own with us. What the reference counts in a text is
    kept for the next parameters, which saves most of the time.
    """
    monkeypatch.setattr(nltk, "word_tokenize", remember(functools.partial(nltk.word_tokenize, preserve_line=True)))
    monkeypatch.setattr(instructions_util, "_get_sentence_tokenizer", nltk.tokenize.punkt.PunktSentenceTokenizer)
    monkeypatch.setattr(instructions_util, "count_words", remember(instructions_util.count_words))
    monkeypatch.setattr(instructions_util, "count_sentences", remember(instructions_util.count_sentences))
    monkeypatch.setattr(langdetect.DetectorFactory, "seed", 0)
    monkeypatch.setattr(langdetect, "detect", remember(langdetect.detect))


@pytest.fixture
def any_language(monkeypatch):
    monkeypatch.setattr(langdetect, "detect", lambda text: "en")


def test_all_kinds_are_here():
    assert {kind.id for kind in (*KINDS, SENTENCES, LANGUAGE)} == set(REFERENCE)
    assert len(REFERENCE) == 25
    operations = {operation.check for operation in load_taxonomy().values()}
    assert {kind.check for kind in (*KINDS, SENTENCES, LANGUAGE)} <= operations


@pytest.mark.parametrize("kind", [*KINDS, ANY_JSON], ids=lambda kind: f"{kind.id} {kind.check}")
def test_verdicts_are_the_references_on_the_text_as_we_read_it(kind, any_language):
    rng = random.Random(kind.id)
    verdicts, same, differs = Counter(), 0, 0
    while same < TEXTS:
        text = kind.text(rng)
        if not text.strip():
            continue
        as_read = []
        for ours, theirs in kind.settings:
            met = kind.ours(text, ours)
            assert met == kind.theirs(kind.read(text, ours), theirs), (ours, text)
            verdicts[met] += 1
            as_read.append(met == kind.theirs(text, theirs))
        same += all(as_read)
        differs += not all(as_read)
    assert min(verdicts[True], verdicts[False]) > 0.02 * verdicts.total(), "texts are not near the border"
    # A reading that never changes a verdict would state no difference.
    assert differs > 0 or kind.view is None


def test_sentences_of_plain_prose_are_the_same():
    """The reference's segmenter is a trained model that has to be downloaded; an untrained one cuts plain prose."""
    rng = random.Random(0)
    for _ in range(TEXTS):
        text = rng.choice([" ", "\n", "  "]).join(rng.choice(PLAIN) for _ in range(rng.randint(1, 9)))
        for ours, theirs in SENTENCES.settings:
            assert SENTENCES.ours(text, ours) == SENTENCES.theirs(text, theirs), text


def test_languages_of_plain_prose_are_the_same():
    rng = random.Random(0)
    for _ in range(TEXTS // len(LANGUAGE.settings)):
        code = rng.choice(list(PROSE))
        text = rng.choice([" ", "\n\n"]).join(rng.choice(PROSE[code]) for _ in range(rng.randint(1, 6)))
        for ours, theirs in LANGUAGE.settings:
            assert LANGUAGE.ours(text, ours) == LANGUAGE.theirs(text, theirs) == (theirs["language"] == code), text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("French", f"Sure! Here is the answer you asked for. {' '.join(PROSE['fr'] * 2)}"),
        ("French", "12 + 30 = 42"),
        ("English", "Ok."),
    ],
)
def test_a_language_must_be_identified_with_confidence_and_throughout(language, text):
    assert not LANGUAGE.ours(text, {"language": language})


MAPPED = [kind for kind in KINDS if kind.id != ANY_JSON.id]


@pytest.mark.parametrize("kind", [*MAPPED, ANY_JSON, SENTENCES, LANGUAGE], ids=lambda kind: kind.id)
def test_an_instruction_of_ifeval_is_the_requirement_that_is_compared_here(kind):
    rng = random.Random(f"mapped {kind.id}")
    texts = [kind.text(rng) for _ in range(100)] + [" ".join(prose) for prose in PROSE.values()]
    for ours, theirs in kind.settings:
        requirement = ifeval_requirement(kind.id, {**theirs, "another_column": None})
        assert load_taxonomy()[requirement.id].check == kind.check
        assert [check(requirement, text).met for text in texts] == [kind.ours(text, ours) for text in texts]


def test_every_instruction_of_ifeval_is_a_requirement_and_no_other():
    kinds = {kind.id: kind.settings[0][1] for kind in (*MAPPED, ANY_JSON, SENTENCES, LANGUAGE)}
    assert {id_ for id_, given in kinds.items() if ifeval_requirement(id_, given)} == set(REFERENCE)
    assert ifeval_requirement("count:keywords_multiple", {}) is None


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"num_words": 5}, KeyError),
        ({"relation": "about", "num_words": 5}, ValueError),
        ({"relation": "less than", "num_words": "five"}, TypeError),
    ],
)
def test_parameters_that_ifeval_does_not_have_are_errors(given, error):
    with pytest.raises(error):
        ifeval_requirement("length_constraints:number_words", given)


# What IFEval asks for beside the languages of our own operation.
OTHERS = {
    "kn": "ಮಕ್ಕಳು ನದಿಯ ದಡದಲ್ಲಿ ನಿಧಾನವಾಗಿ ನಡೆದರು.",
    "th": "เด็ก ๆ เดินช้า ๆ ไปตามแม่น้ำ",
    "bn": "শিশুরা নদীর ধারে ধীরে ধীরে হাঁটছিল।",
    "ta": "குழந்தைகள் ஆற்றங்கரையில் மெதுவாக நடந்தார்கள்.",
    "sw": "Watoto walitembea polepole kando ya mto huku wakiimba nyimbo.",
    "bg": "Децата вървяха бавно покрай реката и пееха песни.",
    "ru": "Дети медленно шли вдоль реки и пели песни.",
}


def test_other_languages_are_identified_as_the_reference_does():
    for code, text in [*OTHERS.items(), *((code, " ".join(prose)) for code, prose in PROSE.items())]:
        for wanted in OTHERS:
            requirement = ifeval_requirement(LANGUAGE.id, {"language": wanted})
            assert check(requirement, text).met == LANGUAGE.theirs(text, {"language": wanted}) == (code == wanted)


def test_loose_variants_are_the_references():
    rng = random.Random(0)
    for _ in range(TEXTS):
        text = KINDS[0].text(rng)
        assert set(loose_variants(text)) == set(common.get_loose_transformations(text))


# One operation a kind; its id leads to the check.
LOOSE = {kind.check: op.id for kind in KINDS for op in load_taxonomy().values() if op.check == kind.check}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_loose_verdicts_are_the_references(kind, any_language):
    """Compare on texts none of whose variants we read in another way than the reference."""
    rng = random.Random(f"loose {kind.id}")
    verdicts, same = Counter(), 0
    while same < TEXTS:
        text, (ours, theirs) = kind.text(rng).strip(), rng.choice(kind.settings)
        if not text:
            continue
        variants = [variant for variant in loose_variants(text) if variant.strip()]
        if any(kind.ours(variant, ours) != kind.theirs(variant, theirs) for variant in variants):
            continue
        requirement = Requirement(LOOSE[kind.check], "", ours, "code", 1)
        _, scores = common.evaluate_instructions(text, [kind.id], [theirs], "", REFERENCE)
        assert check_loose(requirement, text).met == bool(scores.partial_loose), text
        verdicts[scores.partial_strict, scores.partial_loose] += 1
        same += 1
    assert verdicts[0, 0]
    assert verdicts[1, 1]


def test_loose_forgives_a_line_and_asterisks():
    requirement = Requirement("format/title", "", {}, "code", 1)
    assert check_loose(requirement, "Sure!\n<<My day>>\nIt rained.").met
    assert not check_loose(requirement, "Sure!\nHere:\n<<My day>>\nIt rained.").met
    requirement = Requirement("format/word_count_at_most", "", {"relation": "at_most", "n": 2}, "code", 1)
    verdict = check_loose(requirement, "a b c\n\nd e f\n\ng h i")
    assert verdict.reason == "9 words, at most 2 asked"


def test_the_table_of_differences_names_every_kind():
    table = (resources.files("ecd_data.requirements.kinds") / "IFEVAL.md").read_text(encoding="utf-8")
    rows = {row.split("|")[1].strip(" `"): row for row in table.splitlines() if row.startswith("| `")}
    assert set(rows) == set(REFERENCE)
    for kind in KINDS:
        assert f"`{kind.check}`" in rows[kind.id]
        assert ("| same |" in rows[kind.id]) == (kind.view is None)
