import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.core.errors import CallFailed
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import Response, request_key
from ecd_data.core.rng import keyed_rng
from ecd_data.core.values import Candidate, Seed
from ecd_data.corpus.contamination import Contamination
from ecd_data.methods import judging, make_plan
from ecd_data.methods.ecd.chain import run_chain
from ecd_data.methods.judging import Judged, is_balanced
from ecd_data.methods.likeness import similarity
from ecd_data.requirements.kinds import check
from ecd_data.requirements.taxonomy import load_taxonomy
from tests.helpers.scripted import ANSWER, MODEL, finish, scripted

SEED = Seed("0123456789abcdef", "How should I start the day?", group="0123456789abcdef")
CODE = ("format/*", "style/no_*", "content/*keyword*")


def chain(answer=scripted, of=SEED, **changes):
    recipe = Recipe(**{"rounds": 3, "routes": {"edit": 3, "fresh": 1, "repair": 1}, **changes})
    return finish(run_chain(of, make_plan(recipe)), answer)


def every_seed(count=40, answer=scripted, **changes):
    return [chain(answer, replace(SEED, seed_id=f"{i:016x}"), **changes) for i in range(count)]


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
        done = finish(run_chain(SEED, make_plan(recipe)))
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
    done = chain(of=replace(SEED, response="An answer, as given, by hand."))
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
    evaluation = Contamination.from_prompts(["How do I bake a good loaf of rye bread?", "Hello!"], 8)
    done = finish(run_chain(replace(SEED, **changes), make_plan(Recipe(), evaluation)), None)
    (reject,) = done.rejects
    assert (reject.round, reject.step, reject.reason) == (0, "seed", reason)
    assert (done.turns, done.pairs) == ((), ())


def test_an_evolved_instruction_that_an_evaluation_has_is_a_reject():
    sentences = [text for op in load_taxonomy().values() for text in op.texts if not op.params]
    plan = make_plan(Recipe(rounds=3, operations=("style/no_*",)), Contamination.from_prompts(sentences, 4))
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


def test_where_an_edit_fails_the_answer_is_refined():
    def stubborn(request):
        return Response(ANSWER, "stop") if request.role in ("answer", "edit") else scripted(request)

    asked = []
    changes = {"routes": {"edit": 1, "refined": 1}, "operations": ("style/no_commas",), "rounds": 1, "weave": 0}
    done = chain(lambda request: asked.append(request) or stubborn(request), **changes)
    (pair,), turn = done.pairs, done.turns[1]
    edited, *refined = turn.candidates
    assert (edited.route, edited.attempt, edited.defect) == ("edit", 0, "unchanged")
    assert {made.route for made in refined} == {"refined"}
    assert (pair.chosen, pair.rejected, pair.adapted_by) == (ANSWER.replace(",", ""), ANSWER, "refined")
    assert [request.role for request in asked].count("refine") == len(refined)
    held_up = chain(**changes | {"routes": {"edit": 3, "refined": 1}})
    assert "refined" not in {made.route for made in held_up.turns[1].candidates}


def test_the_route_has_its_search_in_the_options_and_a_failure_keeps_its_candidates():
    def stubborn(request):
        return Response(ANSWER, "stop") if request.role == "refine" else scripted(request)

    changes = {"routes": {"refined": 3}, "operations": ("style/no_commas",), "rounds": 1}
    (reject,) = chain(stubborn, options={"depth": 1, "branching": 2}, **changes).rejects
    assert (reject.step, reject.reason) == ("elimination", "unmet")
    assert [(made.route, made.attempt) for made in reject.candidates] == [("refined", 0), ("refined", 1)]


def test_the_closest_of_the_candidates_that_hold_up_is_kept():

    for done in every_seed(30, routes={"edit": 3}, select="closest"):
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


def moody(request):
    """The scripted model with a judge who rules by a throw of dice on each question, with all votes alike."""
    if request.role != "judge":
        return scripted(request)
    met = keyed_rng("mood", request.messages[-1]["content"]).random() < 0.6
    return Response(json.dumps({"reason": "dice", "met": met}), "stop")


@given(
    seed=st.integers(0, 10**6),
    rounds=st.integers(1, 6),
    pairs=st.sampled_from(["adjacent", "all"]),
    select=st.sampled_from(["first", "closest"]),
    max_missed=st.sampled_from([1, 2]),
    ratio=st.sampled_from([1.2, 3.0]),
)
def test_every_rejected_answer_just_misses_in_both_modes(seed, rounds, pairs, select, max_missed, ratio):
    limits = {"max_missed": max_missed, "max_length_ratio": ratio}
    done = chain(moody, rounds=rounds, pairs=pairs, select=select, seed=seed, votes=1, **limits)
    adjacent = [pair for pair in done.pairs if pair.gap == 1]
    assert sorted(outcome.round for outcome in (*adjacent, *done.rejects)) == list(range(1, rounds + 1))
    assert len({pair.id for pair in done.pairs}) == len(done.pairs)
    assert pairs == "all" or adjacent == list(done.pairs)
    position = {turn.round: i for i, turn in enumerate(done.turns)}
    for pair in done.pairs:
        newer, older = done.turns[position[pair.round]], done.turns[position[pair.round] - pair.gap]
        assert (pair.chosen, pair.rejected) == (newer.response, older.response)
        assert pair.chosen != pair.rejected
        assert pair.requirements == newer.requirements
        ids = [requirement.id for requirement in pair.requirements]
        assert [r.requirement for r in pair.chosen_rulings] == [r.requirement for r in pair.rejected_rulings] == ids
        assert all(ruling.met for ruling in pair.chosen_rulings)
        assert 1 <= sum(not ruling.met for ruling in pair.rejected_rulings) <= max_missed
        for requirement, ruling in zip(pair.requirements, pair.rejected_rulings, strict=True):
            assert requirement.check == "judge" or check(requirement, pair.rejected).met is ruling.met
        rejected = Judged(Candidate("", 0, pair.rejected), pair.rejected_rulings)
        assert is_balanced(pair.chosen, rejected, make_plan(Recipe(max_length_ratio=ratio)))


def test_all_pairs_are_those_of_adjacent_and_every_earlier_answer_that_still_just_misses():
    changes = {"rounds": 5, "operations": CODE, "routes": {"repair": 1, "edit": 3}}
    for near, far in zip(every_seed(**changes), every_seed(**changes, pairs="all"), strict=True):
        assert near.turns == far.turns
        assert near.rejects == far.rejects
        expected = set()
        for i, newer in enumerate(far.turns):
            for j, older in enumerate(far.turns[:i]):
                if 1 <= sum(not check(requirement, older.response).met for requirement in newer.requirements) <= 2:
                    expected.add((newer.round, i - j))
        assert {(pair.round, pair.gap) for pair in far.pairs} == expected
        assert {(pair.round, pair.gap) for pair in near.pairs} == {(r, gap) for r, gap in expected if gap == 1}


def test_max_missed_bounds_the_farther_pairs():
    def missed(max_missed):
        chains = every_seed(rounds=5, pairs="all", max_missed=max_missed, answer=moody, votes=1)
        return Counter(
            sum(not r.met for r in pair.rejected_rulings) for c in chains for pair in c.pairs if pair.gap > 1
        )

    assert missed(1)[1] == missed(2)[1] > 0
    assert missed(1)[2] == 0 < missed(2)[2]


def judged(answers, met, **changes):
    """A chain whose answer in round t is `answers[t]`, under a judge who says `met(round, prompt)`."""

    def answer(request):
        if request.role == "judge":
            verdict = met(request.round, request.messages[-1]["content"])
            return Response(json.dumps({"reason": "", "met": verdict}), "stop")
        return Response(answers[request.round], "stop") if request.role in ("answer", "edit") else scripted(request)

    changes = {"operations": ("reasoning/justify", "reasoning/ranking", "reasoning/assumption"), **changes}
    return chain(answer, rounds=len(answers) - 1, routes={"edit": 1}, pairs="all", **changes)


def test_an_answer_that_came_back_is_not_its_own_negative():
    answers = ["Start the morning with water.", "Start the morning with bread.", "Start the morning with water."]
    done = judged(answers, lambda round, prompt: ("bread" in prompt) == (round == 1))
    assert [turn.response for turn in done.turns] == answers
    assert [pair.gap for pair in done.pairs] == [1, 1]


def test_farther_pairs_are_balanced_in_length_too():
    words = [letter * 5 for letter in "abcdefghijklmnop"]
    answers = ["Start the morning: " + ", ".join(words[: 4 * 2**i]) + "." for i in range(3)]

    def long_enough(round, prompt):
        return words[4 * 2**round - 1] in prompt

    assert {(p.round, p.gap) for p in judged(answers, long_enough).pairs} == {(1, 1), (2, 1), (2, 2)}
    assert {(p.round, p.gap) for p in judged(answers, long_enough, max_length_ratio=1.8).pairs} == {(1, 1), (2, 1)}


def test_an_older_answer_is_judged_on_the_newest_requirement_alone_and_not_at_all_once_it_is_out(monkeypatch):
    asked = []
    question = judging.question

    def noted(requirement, instruction, response, *more):
        asked.append((requirement.id, instruction, response))
        return question(requirement, instruction, response, *more)

    monkeypatch.setattr(judging, "question", noted)
    seen = Counter()
    for number in range(60):
        asked.clear()
        of = replace(SEED, seed_id=f"{number:016x}")
        done = chain(moody, of, rounds=6, pairs="all", max_missed=1, max_length_ratio=100.0)
        negatives = {(pair.round, pair.gap) for pair in done.pairs}
        for i, newer in enumerate(done.turns[2:], 2):
            for j, older in enumerate(done.turns[: i - 1]):
                others = [c.text for c in newer.candidates] + [turn.response for turn in done.turns if turn != older]
                if older.response in others:
                    continue  # judged as another answer, too
                votes = [id_ for id_, *of in asked if of == [newer.instruction, older.response]]
                still = (done.turns[i - 1].round, i - 1 - j) in negatives
                newest = newer.requirements[-1]
                assert votes == ([newest.id] * 3 if still and newest.check == "judge" else [])
                seen[newest.check, still] += 1
    assert set(seen) == {("code", False), ("code", True), ("judge", False), ("judge", True)}


def test_first_asks_for_one_candidate_after_the_other_and_stops_at_the_first_that_holds_up():
    def batches(select):
        sizes, candidates = Counter(), []
        for number in range(30):
            steps = run_chain(replace(SEED, seed_id=f"{number:016x}"), make_plan(Recipe(select=select, rounds=2)))
            try:
                requests = next(steps)
                while True:
                    sizes[requests[0].role, len(requests)] += 1
                    requests = steps.send([scripted(request) for request in requests])
            except StopIteration as done:
                candidates += [turn.candidates for turn in done.value.turns[1:]]
        return sizes, candidates

    sizes, first = batches("first")
    assert sizes["edit", 1]
    assert not sizes["edit", 3]
    assert all(
        [c.defect == "" for c in candidates] == [False] * (len(candidates) - 1) + [True] for candidates in first
    )
    sizes, closest = batches("closest")
    assert sizes["edit", 3]
    assert not sizes["edit", 1]
    assert all(len(candidates) in (3, 4) for candidates in closest)


def test_candidates_of_another_length_are_dropped_unless_length_was_asked_for():
    def wordy(request):
        letters = keyed_rng("wordy").choices("abcdefghij", k=640)
        text = "Start the day. " + " ".join("".join(letters[i : i + 4]) for i in range(0, 640, 4)) + "."
        return Response(text, "stop") if request.role == "edit" else scripted(request)

    changes = {"rounds": 1, "routes": {"edit": 1}, "min_similarity": 0.0}
    for operation in ("content/avoid_words", "style/parentheses", "style/semicolon", "format/title"):
        for done in every_seed(5, operations=(operation,), answer=wordy, **changes):
            candidates = [c for outcome in (*done.rejects, *done.turns[1:]) for c in outcome.candidates]
            assert not done.pairs
            assert {c.defect for c in candidates} <= {"unbalanced"}
        loose = every_seed(5, operations=(operation,), answer=wordy, max_length_ratio=100.0, **changes)
        assert not any(c.defect == "unbalanced" for done in loose for r in done.rejects for c in r.candidates)
    asked = every_seed(5, operations=("format/word_count_at_least",), answer=wordy, **changes)
    assert all(len(done.pairs) == 1 for done in asked)


def test_a_text_that_was_tried_is_not_ruled_on_again():
    done = chain(lambda request: scripted(replace(request, attempt=1)), rounds=3, routes={"edit": 2, "fresh": 2})
    tried = [c for outcome in (*done.rejects, *done.turns[1:]) for c in outcome.candidates]
    assert "repeated" in {c.defect for c in tried}
    for outcome in (*done.rejects, *done.turns[1:]):
        ruled = [c.text for c in outcome.candidates if c.defect in ("", "unmet")]
        assert len(ruled) == len(set(ruled))


@pytest.mark.parametrize("role", ["answer", "edit", "judge"])
def test_a_call_that_failed_for_good_costs_its_round_alone(role):
    def answer(request):
        if request.role == role and request.round < 2:
            raise CallFailed("no_answer", "it timed out")
        return scripted(request)

    for made in every_seed(answer=answer):
        failed = [reject for reject in made.rejects if reject.step == "call"]
        assert all((reject.round, reject.reason) == (role != "answer", "no_answer") for reject in failed)
        if role == "answer":
            assert (made.turns, made.pairs, made.rejects) == ((), (), tuple(failed))
    assert any(made.pairs for made in every_seed(answer=answer)) == (role != "answer")


@given(salt=st.integers(0, 2**32), pairs=st.sampled_from(["adjacent", "all"]))
def test_whatever_fails_every_round_has_one_outcome(salt, pairs):
    def answer(request):
        if keyed_rng(salt, request.canonical()).random() < 0.2:
            raise CallFailed("refused", "too long")
        return scripted(request)

    for made in every_seed(5, answer, pairs=pairs, rounds=4):
        outcomes = [pair.round for pair in made.pairs if pair.gap == 1] + [reject.round for reject in made.rejects]
        assert sorted(outcomes) in ([0], [1, 2, 3, 4])


def test_ties_are_of_a_rounds_own_answers_and_cost_no_call():
    calls = []

    def answer(request):
        calls.append(request.role)
        if request.role == "edit" and request.attempt == 2:  # as good as the one before it, in other words
            return Response(request.messages[-2]["content"].replace(",", "") + " Rest well.", "stop")
        return scripted(request)

    changes = {"operations": CODE, "routes": {"edit": 3}, "rounds": 4, "votes": 1}
    first = every_seed(answer=answer, **changes)
    asked = len(calls)
    closest = every_seed(answer=answer, select="closest", **changes)
    tried = [len(outcome.candidates) for done in closest for outcome in (*done.turns[1:], *done.rejects)]
    assert len(calls) - asked == sum(tried) + 40 * 4 + 40  # candidates, rewritten instructions, first answers
    for done in (*first, *closest):
        rounds = {outcome.round: outcome for outcome in (*done.rejects, *done.turns)}
        assert len(done.pairs) + len(done.rejects) == 4
        for tie in done.ties:
            made = {c.text: c.route for c in rounds[tie.round].candidates if c.defect in ("", "unmet")}
            older = [turn.response for turn in done.turns if turn.round < tie.round][-1]
            assert tie.routes == (made.get(tie.first, "evolved"), made[tie.second])
            assert tie.first in made or tie.first == older
            assert tie.instruction == rounds[tie.round].instruction
            for requirement, one, other in zip(tie.requirements, tie.first_rulings, tie.second_rulings, strict=True):
                assert check(requirement, tie.first).met is check(requirement, tie.second).met is one.met is other.met
    assert {all(ruling.met for ruling in tie.first_rulings) for done in closest for tie in done.ties} == {True, False}
    # The first that holds up is the last that is asked for.
    assert {all(ruling.met for ruling in tie.first_rulings) for done in first for tie in done.ties} == {False}
