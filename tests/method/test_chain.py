from dataclasses import replace

import pytest
from scripted import ANSWER, MODEL, finish, scripted

from ecd_data.corpus.contamination import contamination_of
from ecd_data.method.chain import run_chain
from ecd_data.method.plan import Plan
from ecd_data.recipe import Recipe
from ecd_data.requirements.checks import check
from ecd_data.requirements.taxonomy import load_taxonomy
from ecd_data.values import Response, Seed, request_key

SEED = Seed("0123456789abcdef", "How should I start the day?", group="0123456789abcdef")
CODE = ("format/*", "style/no_*", "content/*keyword*")


def chain(answer=scripted, seed=SEED, **changes):
    recipe = Recipe(**{"rounds": 3, "routes": {"edit": 3, "fresh": 1, "repair": 1}, **changes})
    return finish(run_chain(seed, Plan.of(recipe)), answer)


def every_seed(count=40, **changes):
    return [chain(seed=replace(SEED, seed_id=f"{i:016x}"), **changes) for i in range(count)]


def test_pairs_and_rejects_make_up_the_rounds():
    for done in every_seed():
        assert len(done.pairs) + len(done.rejects) == 3
        assert len(done.turns) == len(done.pairs) + 1
        assert sorted(p.round for p in (*done.pairs, *done.rejects)) == [1, 2, 3]


def test_the_chosen_meets_every_requirement_and_the_rejected_misses_one_or_two():
    pairs = [pair for done in every_seed() for pair in done.pairs]
    assert len(pairs) > 40
    for pair in pairs:
        assert pair.chosen != pair.rejected
        assert all(ruling.met for ruling in pair.chosen_rulings)
        assert 1 <= sum(not ruling.met for ruling in pair.rejected_rulings) <= 2
        for requirement, good, bad in zip(pair.requirements, pair.chosen_rulings, pair.rejected_rulings, strict=True):
            assert good.requirement == bad.requirement == requirement.id
            if requirement.check == "code":
                assert check(requirement, pair.chosen).met is good.met
                assert check(requirement, pair.rejected).met is bad.met


def test_requirements_pile_up_along_a_chain_and_the_instruction_states_them():
    for done in every_seed():
        for older, newer in zip(done.turns, done.turns[1:], strict=False):
            assert newer.requirements[:-1] == older.requirements
            assert newer.evolved_by in ("woven", "appended")
            if newer.evolved_by == "appended":
                assert newer.instruction.endswith(newer.requirements[-1].text)
                assert newer.instruction.startswith(older.instruction)


def test_a_chain_is_a_function_of_seed_recipe_and_answers():
    assert every_seed(10) == every_seed(10)


def test_another_recipe_seed_draws_other_requirements():
    def drawn(recipe_seed):
        recipe = Recipe(seed=recipe_seed, operations=CODE, routes={"repair": 1})
        done = finish(run_chain(SEED, Plan.of(recipe)))
        return [outcome.operation for outcome in (*done.pairs, *done.rejects)]

    assert len({tuple(drawn(recipe_seed)) for recipe_seed in range(8)}) > 4


def test_every_call_of_a_plan_has_its_own_key_and_seed():
    seen = []

    def answer(request):
        seen.append(request)
        return scripted(request)

    chain(answer)
    assert len({request_key(MODEL, request) for request in seen}) == len(seen)
    assert len({(r.role, r.round, r.attempt) for r in seen}) == len({r.seed for r in seen})


def test_a_system_message_is_sent_only_when_the_recipe_has_one():
    def roles(**changes):
        seen = []
        chain(lambda request: seen.append(request) or scripted(request), **changes)
        return {message["role"] for request in seen for message in request.messages}

    assert roles() == {"user", "assistant"}
    assert "system" in roles(system="Be brief.")


def test_an_answer_of_the_corpus_is_taken_as_it_is():
    done = chain(seed=replace(SEED, response="An answer, as given, by hand."))
    assert done.turns[0].response == "An answer, as given, by hand."
    assert done.turns[0].adapted_by == "seed"


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (Response("", "stop"), "empty"),
        (Response(ANSWER, "length"), "truncated"),
        (Response("I'm sorry, but I can't.", "stop"), "refusal"),
    ],
)
def test_a_seed_without_a_usable_answer_is_one_reject(response, reason):
    calls = []
    done = chain(lambda request: calls.append(request) or response, answers=2)
    assert len(calls) == 2
    assert (done.turns, done.pairs) == ((), ())
    (reject,) = done.rejects
    assert (reject.round, reject.step, reject.reason) == (0, "answer", reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"instruction": ""}, "empty"),
        ({"instruction": "?!"}, "empty"),
        ({"instruction": "https://example.org/a?b=c"}, "only_url"),
        ({"instruction": "x" * 8001}, "too_long"),
        ({"response": "x" * 8001}, "too_long"),
        ({"instruction": "So tell me: how do I bake a Good loaf of rye bread at home?"}, "contaminated"),
    ],
)
def test_a_seed_that_no_model_should_answer_is_one_reject_and_no_call(changes, reason):
    evaluation = contamination_of(["How do I bake a good loaf of rye bread?", "Hello!"], 8)
    done = finish(run_chain(replace(SEED, **changes), Plan.of(Recipe(), evaluation)), None)
    (reject,) = done.rejects
    assert (reject.round, reject.step, reject.reason) == (0, "seed", reason)
    assert (done.turns, done.pairs) == ((), ())


def test_an_evolved_instruction_that_an_evaluation_has_is_a_reject():
    sentences = [text for op in load_taxonomy().values() for text in op.texts if not op.params]
    plan = Plan.of(Recipe(rounds=3, operations=("style/no_*",)), contamination_of(sentences, 4))
    done = finish(run_chain(SEED, plan))
    assert {(reject.step, reject.reason) for reject in done.rejects} >= {("evolution", "contaminated")}
    assert len(done.pairs) + len(done.rejects) == 3


def test_a_model_that_never_changes_its_answer_gives_no_pair():
    def stubborn(request):
        return Response(ANSWER, "stop")

    done = chain(stubborn, routes={"edit": 2}, operations=CODE)
    assert not done.pairs
    assert {reject.reason for reject in done.rejects} == {"unchanged"}
    assert all(candidate.defect for reject in done.rejects for candidate in reject.candidates)


def test_routes_are_tried_in_order_and_end_at_the_first_that_holds_up():
    done = every_seed(30, routes={"repair": 1, "edit": 1}, operations=("format/*",))
    for turn in (turn for c in done for turn in c.turns[1:]):
        routes = [candidate.route for candidate in turn.candidates]
        assert routes[0] == "repair" or turn.adapted_by == "edit"
        if turn.adapted_by == "repair":
            assert "edit" not in routes


def test_the_closest_of_the_candidates_that_hold_up_is_kept():
    from ecd_data.method.contrast import similarity

    for done in every_seed(30, routes={"edit": 3}):
        for older, newer in zip(done.turns, done.turns[1:], strict=False):
            sound = [c.text for c in newer.candidates if not c.defect]
            assert similarity(newer.response, older.response) == max(similarity(t, older.response) for t in sound)


def test_judged_requirements_take_the_majority_of_the_votes():
    done = every_seed(20, operations=("reasoning/*", "breadth/*"), votes=3)
    pairs = [pair for c in done for pair in c.pairs if pair.requirements[-1].check == "judge"]
    assert pairs
    for pair in pairs:
        assert "because" in pair.chosen
        assert "because" not in pair.rejected
        assert pair.rejected_rulings[-1].votes == 0.0


def test_votes_that_cannot_be_read_decide_nothing():
    def mumbling(request):
        return Response("maybe", "stop") if request.role == "judge" else scripted(request)

    done = chain(mumbling, operations=("reasoning/*",), rounds=6)
    judged = [r for r in done.rejects if r.step == "contrast"]
    assert judged
    assert {reject.reason for reject in judged} == {"negative_undecided"}
