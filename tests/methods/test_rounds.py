"""Rounds that stand alone, driven by answers from a dictionary."""

from dataclasses import replace

import pytest

from ecd_data.core.errors import CallFailed, RecipeError
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import Response
from ecd_data.core.values import Seed
from ecd_data.corpus.contamination import Contamination
from ecd_data.methods import make_plan
from ecd_data.methods.rounds import Sampling, judge_and_pair, make_task, run_rounds, sample_answers
from ecd_data.requirements.kinds import check
from tests.helpers.scripted import finish

SEED = Seed("0123456789abcdef", "How should I start the day?", "Slowly.", group="0123456789abcdef")
GOOD, BAD = "Start slowly and drink some water.", "Start with 5 coffees, then run!"
CODE = ("style/no_commas", "style/no_digits", "style/no_exclamation_marks", "format/postscript")


def plan(count=0, **changes):
    return make_plan(Recipe(**{"builder": "rlcd", "options": {"requirements": count}, "weave": 0, **changes}))


def one(seed, number, plan):
    task = yield from make_task(seed, number, "rlcd/helpful", plan)
    samplings = [Sampling("good", plan.chat(task.instruction)), Sampling("bad", plan.chat("!"))]
    good, bad = yield from sample_answers(task, samplings, plan)
    return (yield from judge_and_pair(task, good, bad, plan))


def run(said, plan, seed=SEED):
    """A chain whose answers are those that `said` has for (side, attempt), or for the side."""

    def answer(request):
        side = request.role.partition("/")[2]
        text = said.get((side, request.attempt), said.get(side))
        if isinstance(text, CallFailed):
            raise text
        return Response(text, "stop")

    return finish(run_rounds(seed, plan, one), answer)


def test_a_round_is_a_task_two_answers_and_a_pair():
    chain = run({"good": GOOD, "bad": BAD}, plan(rounds=2))
    assert (chain.rounds, len(chain.pairs), chain.rejects) == (2, 2, ())
    pair, turn = chain.pairs[0], chain.turns[0]
    assert (pair.instruction, pair.chosen, pair.rejected) == (SEED.instruction, GOOD, BAD)
    assert (pair.id, pair.gap, pair.adapted_by, pair.evolved_by) == (f"{SEED.seed_id}-r1", 1, "good", "seed")
    assert pair.requirements == pair.chosen_rulings == pair.rejected_rulings == ()
    assert [(made.text, made.defect) for made in turn.candidates] == [(GOOD, ""), (BAD, "rejected")]


def test_requirements_are_drawn_and_worded_as_ecds_are_and_rule_on_both_sides():
    chain = run({"good": GOOD, "bad": BAD}, plan(2, rounds=16, operations=CODE))
    assert chain.pairs
    assert chain.rejects
    for pair in chain.pairs:
        assert len({requirement.id for requirement in pair.requirements}) == 2
        assert all(requirement.text in pair.instruction for requirement in pair.requirements)
        for side in ("chosen", "rejected"):
            met = [check(requirement, getattr(pair, side)).met for requirement in pair.requirements]
            assert [ruling.met for ruling in getattr(pair, f"{side}_rulings")] == met
        assert all(ruling.met for ruling in pair.chosen_rulings)
    assert {reject.reason for reject in chain.rejects} == {"unmet"}  # of the postscript
    assert all("format/postscript" in reject.candidates[0].detail for reject in chain.rejects)
    drawn = [tuple(requirement.id for requirement in pair.requirements) for pair in chain.pairs]
    assert len(set(drawn)) > 1  # anew in each round


def test_a_rejected_answer_may_miss_nothing():
    chain = run({"good": GOOD, "bad": GOOD + " Then rest."}, plan(1, rounds=1, operations=("style/no_commas",)))
    (pair,) = chain.pairs
    assert [ruling.met for ruling in pair.rejected_rulings] == [True]


def test_a_side_without_a_usable_answer_is_asked_again_and_then_given_up():
    chain = run({("good", 0): "", ("good", 1): GOOD, "bad": BAD}, plan(rounds=1, answers=2))
    assert chain.turns[0].candidates[0].attempt == 1
    chain = run({"good": GOOD, "bad": "I can't help with that."}, plan(rounds=1, answers=2))
    (reject,) = chain.rejects
    assert (reject.step, reject.reason, reject.operation) == ("answer", "refusal", "rlcd/helpful")
    assert [made.defect for made in reject.candidates] == ["", "refusal"]


def test_answers_that_say_the_same_are_no_pair():
    (reject,) = run({"good": GOOD, "bad": GOOD}, plan(rounds=1)).rejects
    assert (reject.step, reject.reason) == ("elimination", "repeated")


def test_a_call_that_failed_costs_its_round():
    chain = run({"good": GOOD, "bad": CallFailed("no_answer", "gone")}, plan(rounds=2))
    assert [(reject.step, reject.reason) for reject in chain.rejects] == [("call", "no_answer")] * 2


@pytest.mark.parametrize(
    ("changes", "reason"), [({"instruction": ""}, "empty"), ({"instruction": "https://x.org"}, "only_url")]
)
def test_a_seed_that_nobody_should_answer_is_one_reject(changes, reason):
    (reject,) = run({}, plan(), replace(SEED, **changes)).rejects
    assert (reject.round, reject.step, reject.reason) == (0, "seed", reason)


def test_no_instruction_shares_words_with_an_evaluation():
    of = plan(1, rounds=1, operations=("style/no_commas",))
    (pair,) = run({"good": GOOD, "bad": BAD}, of).pairs
    words = " ".join(pair.instruction.split()[-3:])
    (reject,) = run({}, replace(of, contamination=Contamination.from_prompts([words], 3, ["org/evaluation"]))).rejects
    assert (reject.step, reject.reason) == ("evolution", "contaminated")


def test_too_few_operations_for_the_requirements_are_a_reject():
    (reject,) = run({}, plan(2, rounds=1, operations=("style/no_commas",))).rejects
    assert (reject.step, reject.reason) == ("evolution", "no_operation")


def test_a_number_of_requirements_is_none_or_more():
    with pytest.raises(RecipeError, match=r"options.requirements is -1; expected `int` >= 0"):
        plan(-1)
    assert plan(0).operations == ()
