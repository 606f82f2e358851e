"""Other negatives than R(t): the student's answers and those to relaxed instructions."""

from collections import Counter
from dataclasses import replace

import pytest

from ecd_data.core.errors import CallFailed, RecipeError
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import Response
from ecd_data.core.rng import keyed_rng
from ecd_data.core.values import Candidate, Seed
from ecd_data.methods import make_plan
from ecd_data.methods.ecd.chain import run_chain
from ecd_data.methods.ecd.evolution import append
from ecd_data.methods.ecd.negatives import relaxed
from ecd_data.methods.ecd.options import models
from ecd_data.methods.judging import Judged, is_balanced
from ecd_data.methods.task import Task
from ecd_data.requirements.kinds import check
from tests.helpers.scripted import ANSWER, finish, scripted

SEED = Seed("0123456789abcdef", "How should I start the day?", group="0123456789abcdef")
ALL = ("evolved", "student", "relaxed")
CODE = ("style/no_*", "style/lower_case", "format/postscript", "format/title", "content/avoid_words")


def student(request):
    """Answers that miss nothing, some or all of what the scripted model's edits meet, and some that are no answers."""
    text = f"Well, start slowly with water, and stretch. Attempt {request.seed_id[-2:]}."
    texts = [text, text.lower(), text.replace(",", ""), text.lower().replace(",", ""), ANSWER, "", "no " * 90]
    return Response(keyed_rng(request.role, request.seed_id, request.round).choice(texts), "stop")


def answer(request):
    return student(request) if request.role in ("student", "relaxed") else scripted(request)


def plan(negatives=ALL, **changes):
    changes = {"rounds": 4, "operations": CODE, "routes": {"edit": 3, "repair": 1}, **changes}
    return make_plan(Recipe(options={"negatives": list(negatives)}, **changes))


def chains(negatives=ALL, answer=answer, count=60, **changes):
    of = plan(negatives, **changes)
    return [finish(run_chain(replace(SEED, seed_id=f"{i:016x}"), of), answer) for i in range(count)]


def test_they_are_asked_for_beside_what_there_is_without_them():
    asked = Counter()

    def counted(request):
        asked[request.role, request.model_name] += 1
        return answer(request)

    for alone, done in zip(chains(["evolved"]), chains(answer=counted), strict=True):
        assert [replace(turn, candidates=()) for turn in done.turns] == [
            replace(t, candidates=()) for t in alone.turns
        ]
        assert [pair for pair in done.pairs if pair.negative == "evolved"] == list(alone.pairs)
        assert done.rejects == alone.rejects
        assert len(alone.pairs) + len(done.rejects) == done.rounds == 4
    accepted = sum(len(done.turns) - 1 for done in chains())
    assert asked["student", "student"] == asked["relaxed", ""] == accepted


def test_each_pair_has_an_id_of_its_own_and_its_rejected_answer_just_misses():
    made = Counter()
    for done in chains():
        assert len({pair.id for pair in done.pairs}) == len(done.pairs)
        turns = {turn.round: turn for turn in done.turns}
        for pair in (pair for pair in done.pairs if pair.negative != "evolved"):
            assert pair.id == f"{done.seed_id}-r{pair.round}-{pair.negative}"
            assert (pair.gap, pair.chosen) == (0, turns[pair.round].response)
            assert pair.rejected_model_name == ("student" if pair.negative == "student" else "")
            missed = [requirement.id for requirement in pair.requirements if not check(requirement, pair.rejected).met]
            assert missed == [ruling.requirement for ruling in pair.rejected_rulings if not ruling.met]
            assert 1 <= len(missed) <= 2
            assert is_balanced(pair.chosen, Judged(Candidate("", 0, pair.rejected), pair.rejected_rulings), plan())
            made[pair.negative, len(missed)] += 1
    assert {negative for negative, _ in made} == {"student", "relaxed"}
    assert {missed for _, missed in made} == {1, 2}


def test_the_chain_keeps_every_answer_and_says_what_became_of_it():
    fates = Counter()
    for done in chains():
        pairs = {(pair.round, pair.negative): pair.rejected for pair in done.pairs}
        ties = {(tie.round, route) for tie in done.ties for route in tie.routes}
        for turn in done.turns[1:]:
            others = {made.route: made for made in turn.candidates if made.route in ALL}
            assert others.keys() == {"student", "relaxed"}
            for kind, made in others.items():
                fates[made.defect] += 1
                assert pairs.get((turn.round, kind)) == (made.text if made.defect == "rejected" else None)
                if made.defect == "negative_meets_all":
                    assert (turn.round, kind) in ties
    assert {"rejected", "negative_meets_all", "repeated", "empty", "looping"} <= fates.keys()


def test_what_meets_all_is_a_tie_with_the_chosen_answer():
    for done in chains():
        turns = {turn.round: turn for turn in done.turns}
        for tie in done.ties:
            if tie.routes[1] in ALL and all(ruling.met for ruling in tie.first_rulings):
                assert tie.first == turns[tie.round].response


def test_all_judged_requirements_are_ruled_on_where_code_finds_a_fault():
    changes = {"operations": ("style/no_commas", "reasoning/justify"), "rounds": 2, "max_length_ratio": 9.0}
    for done in chains(["evolved", "student"], **changes):
        for pair in (pair for pair in done.pairs if pair.negative == "student"):
            assert [r.requirement for r in pair.rejected_rulings] == [r.id for r in pair.requirements]


@pytest.mark.parametrize("role", ["student", "relaxed"])
def test_a_call_that_fails_for_good_costs_its_answer_alone(role):
    def failing(request):
        if request.role == role:
            raise CallFailed("no_answer", "it timed out")
        return answer(request)

    for whole, done in zip(chains(), chains(answer=failing), strict=True):
        assert {pair.negative for pair in done.pairs} <= {*ALL} - {role}
        # The other one may now be the first with its text.
        assert {pair.id for pair in done.pairs} >= {pair.id for pair in whole.pairs if pair.negative != role}
        assert done.rejects == whole.rejects


def test_a_relaxed_instruction_lacks_one_requirement_and_has_the_others():
    dropped = Counter()
    of = plan()
    for number in range(60):
        seed = replace(SEED, seed_id=f"{number:016x}")
        done = finish(run_chain(seed, of), answer)
        for older, newer in zip(done.turns, done.turns[1:], strict=False):
            task = Task(seed, newer.round, newer.operation, newer.instruction, newer.requirements)
            text = relaxed(older, task, of)
            kept = [requirement for requirement in newer.requirements if requirement.text in text]
            if text == older.instruction:
                dropped["newest"] += 1
                continue
            assert len(kept) == len(newer.requirements) - 1
            assert newer.requirements[-1] in kept
            wanted = seed.instruction
            for requirement in kept:
                wanted = append(wanted, requirement.text)
            assert text == wanted
            dropped["older"] += 1
    assert min(dropped["newest"], dropped["older"]) > 10


@pytest.mark.parametrize(
    ("negatives", "message"),
    [
        (["student"], "names `evolved` and each other one once"),
        (["evolved", "teacher"], "the choices are evolved, student, relaxed"),
        (["evolved", "student", "student"], "each other one once"),
    ],
)
def test_mistakes_are_named(negatives, message):
    with pytest.raises(RecipeError, match=message):
        plan(negatives)


def test_a_student_is_asked_by_its_name():
    assert models(plan(["evolved", "relaxed"]).options) == [""]
    assert models(plan().options) == ["", "student"]
