"""Whatever may be in force together can be met together: an answer is put together by hand for every combination."""

import itertools
import json
import random

import pytest

from ecd_data.requirements.checks import check
from ecd_data.requirements.taxonomy import compatible, load_taxonomy

TAXONOMY = load_taxonomy()
BY_CODE = [operation for operation in TAXONOMY.values() if operation.check != "judge"]
SENTENCES = {
    "English": "The old dog walks home",
    "French": "Le vieux chien rentre lentement chez lui avec nous",
    "German": "Der alte Hund geht langsam mit uns nach Hause",
    "Spanish": "El perro viejo camina despacio hacia nuestra casa",
    "Italian": "Il vecchio cane torna lentamente a casa con noi",
    "Portuguese": "O cachorro velho caminha devagar para a nossa casa com eles",
}


def compose(requirements):
    """A dull answer that is meant to meet all of the requirements."""
    kwargs = {requirement.id: requirement.kwargs for requirement in requirements}
    if "format/json_object" in kwargs:
        return json.dumps(dict.fromkeys(kwargs["format/json_object"]["keys"], "the dog"))

    def n(id_, default=0):
        return kwargs[id_]["n"] if id_ in kwargs else default

    sentence = SENTENCES[kwargs.get("style/language", {"language": "English"})["language"]]
    inside = [f"*{word}*" for word in sentence.split()[1 : 1 + n("format/highlighted_sections")]]
    inside += ["[name]"] * n("format/placeholders")
    inside += kwargs.get("content/include_keywords", {"keywords": []})["keywords"]
    inside += [kwargs.get("content/keyword_frequency", {"keyword": ""})["keyword"]] * n("content/keyword_frequency")
    inside += [kwargs["content/quoted_phrase"]["phrase"]] if "content/quoted_phrase" in kwargs else []
    paragraphs = n("format/paragraph_count_exactly", 1)
    count = max(n("format/sentence_count_exactly"), n("format/sentence_count_at_least"), paragraphs)
    count = max(count, n("format/word_count_at_least") // 2 + 1) if "format/word_count_at_least" in kwargs else count
    sentences = [" ".join([sentence, *inside]) + "."]
    sentences += [f"{sentence}." if "style/language" in kwargs else "Dogs walk."] * (count - 1)
    if "content/start_phrase" in kwargs:
        sentences[0] = f"{kwargs['content/start_phrase']['phrase']}: {sentences[0]}"
    blocks = [*sentences[: paragraphs - 1], " ".join(sentences[paragraphs - 1 :])]
    if "format/title" in kwargs:
        blocks[0] = f"<<Home>>\n{blocks[0]}"
    items = ["- Go."] * n("format/bullet_count") + [f"{i + 1}. Go." for i in range(n("reasoning/numbered_steps"))]
    items += ["Example: apples."] * ("breadth/example_line" in kwargs)
    items += ["P.S. Go."] * ("format/postscript" in kwargs) + ["Answer: go."] * ("reasoning/answer_line" in kwargs)
    if "content/end_phrase" in kwargs:
        blocks[-1] += f" {kwargs['content/end_phrase']['phrase']}" if not items else ""
        items += [kwargs["content/end_phrase"]["phrase"]] if items else []
    text = "\n\n".join(blocks) + "".join(f"\n{item}" for item in items)
    text = text.lower() if "style/lower_case" in kwargs else text.upper() if "style/upper_case" in kwargs else text
    return f'"{text}"' if "format/quotation_marks" in kwargs else text


def met_together(requirements):
    text = compose(requirements)
    for requirement in requirements:
        verdict = check(requirement, text)
        assert verdict.met, f"{[r.id for r in requirements]}: {requirement.id}: {verdict.reason}\n{text}"


@pytest.mark.parametrize("operation", BY_CODE, ids=lambda operation: operation.id)
def test_every_compatible_pair_can_be_met(operation):
    for other in BY_CODE:
        for i in range(3):
            requirement = operation.draw(random.Random(f"{operation.id} {other.id} {i}"), 1)
            if compatible(other, [requirement], TAXONOMY):
                met_together([requirement, other.draw(random.Random(i), 2)])


def test_three_in_force_can_be_met():
    triples = list(itertools.combinations(BY_CODE, 3))
    rng = random.Random(0)
    for a, b, c in rng.sample(triples, 800):
        in_force = [a.draw(rng, 1)]
        for round, operation in enumerate((b, c), start=2):
            if compatible(operation, in_force, TAXONOMY):
                in_force.append(operation.draw(rng, round))
        met_together(in_force)


def test_conflicts_work_both_ways_and_no_family_comes_twice():
    for a, b in itertools.permutations(BY_CODE, 2):
        forth = compatible(a, [b.draw(random.Random(0), 1)], TAXONOMY)
        assert forth == compatible(b, [a.draw(random.Random(0), 1)], TAXONOMY)
        assert not (forth and a.family == b.family)
    for operation in BY_CODE:
        assert not compatible(operation, [operation.draw(random.Random(0), 1)], TAXONOMY)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("format/json_object", "format/bullet_count"),
        ("format/json_object", "style/no_commas"),
        ("format/quotation_marks", "format/postscript"),
        ("style/upper_case", "style/lower_case"),
        ("format/word_count_at_least", "format/sentence_count_at_most"),
        ("format/word_count_at_least", "format/word_count_at_most"),
        ("style/no_digits", "reasoning/numbered_steps"),
        ("style/language", "content/include_keywords"),
        ("content/start_phrase", "format/title"),
        ("content/end_phrase", "reasoning/answer_line"),
    ],
)
def test_what_contradicts_each_other_is_never_in_force_together(a, b):
    assert not compatible(TAXONOMY[a], [TAXONOMY[b].draw(random.Random(0), 1)], TAXONOMY)
