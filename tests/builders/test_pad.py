import math
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecd_data.artifact.manifest import read_manifest
from ecd_data.artifact.parquet import every_row
from ecd_data.artifact.validation import validate_build
from ecd_data.builders.pad import Pad
from ecd_data.calls.scheduler import ModelSource
from ecd_data.core.errors import CallFailed, GateError, RecipeError
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import Model, Response
from ecd_data.core.values import Seed
from ecd_data.methods import make_plan
from ecd_data.methods.pad import run
from tests.helpers.scripted import MODEL, RECIPE, ScriptedPool, finish, scripted

SEED = Seed("0123456789abcdef", "How should I start the day?", group="0123456789abcdef")
PAD = replace(RECIPE, builder="pad")
TEACHER = Model("test/teacher")
SAID = ["Drink water.", "Drink some water, then walk.", "Have coffee, then run to work.", "Sleep on."]


def best_is_long(request, samples=SAID):
    """A student who says `samples`, and a teacher who likes what is long, somewhat more where it is shown first."""
    last = request.messages[-1]["content"]
    if request.role == "sample":
        return Response(samples[request.attempt], "stop", 10, 5)
    if request.role == "select":
        a, b = (len(part.split("=====")[1]) for part in last.split("\nAnswer ")[1:3])
        first = 0.7 if a > b else 0.4
        told = {"A": math.log(first), " B": math.log(0.9 - first), "None": math.log(0.1), "The": -9.0}
        return Response("A", "length", 90, 1, top_logprobs={token: round(p, 6) for token, p in told.items()})
    if request.role == "score":
        return Response("", "stop", 30, 1, mean_logprob=-10 / len(last))
    return scripted(request)


def chain(answer=best_is_long, seed=SEED, rounds=1, **options):
    asked = []

    def remember(request):
        asked.append(request)
        return answer(request)

    recipe = replace(PAD, rounds=rounds, options=options)
    return finish(run(seed, make_plan(recipe)), remember), asked


def row(done):
    (found,) = Pad.rows(done, {"": "s", "student": "s", "teacher": "t"})["ranking"]
    return found


def test_samples_are_compared_in_both_orders_by_the_teacher():
    done, asked = chain()
    by_role = {role: [request for request in asked if request.role == role] for role in ("sample", "select")}
    assert len(by_role["sample"]) + len(by_role["select"]) == len(asked)
    assert {(r.model_name, r.temperature, r.messages[-1]["content"]) for r in by_role["sample"]} == {
        ("student", 1.0, SEED.instruction)
    }
    assert len({request.seed for request in by_role["sample"]}) == 4
    assert {(r.model_name, r.temperature, r.max_tokens, r.top_logprobs) for r in by_role["select"]} == {
        ("teacher", 0, 1, 5)
    }
    shown = [
        [SAID.index(part.split("=====\n")[1].strip()) for part in r.messages[0]["content"].split("\nAnswer ")[1:3]]
        for r in by_role["select"]
    ]
    assert shown == [[c.first, c.second] for c in done.rankings[0].comparisons]
    assert sorted(shown) == [[i, j] for i in range(4) for j in range(4) if i != j]


def test_the_row_and_its_pair():
    done, _ = chain()
    made = row(done)
    order = sorted(range(4), key=lambda i: -made["preference"][i])
    assert [made["responses"][i][0]["content"] for i in order] == sorted(SAID, key=len, reverse=True)
    # The longest is preferred to each of three others: 0.75 of the options where it is shown first, else 0.55.
    assert made["teacher_scores"][order[0]] == pytest.approx(math.log(0.65), abs=1e-5)
    assert made["preference"][order[0]] == pytest.approx(0.65 / 2, abs=1e-5)
    assert (made["method"], made["likelihoods"], made["model"], made["teacher"]) == ("selection", [], "s", "t")
    (pair,), (turn,) = done.pairs, done.turns
    assert (pair.id, pair.chosen, pair.rejected) == (made["id"], max(SAID, key=len), min(SAID, key=len))
    assert pair.operation == made["operation"] == "pad/selection"
    assert [made.defect for made in turn.candidates] == ["", "", "", "rejected"]


@pytest.mark.parametrize(("alpha", "method"), [(1, "likelihood"), (0.25, "mix")])
def test_the_likelihood_is_asked_for_where_it_counts(alpha, method):
    done, asked = chain(alpha=alpha)
    scored = [request for request in asked if request.role == "score"]
    assert [request.messages[-1] for request in scored] == [{"role": "assistant", "content": text} for text in SAID]
    assert {(r.model_name, r.scored, len(r.messages)) for r in scored} == {("teacher", True, 2)}
    assert any(request.role == "select" for request in asked) == (method == "mix")
    made = row(done)
    assert made["method"] == method
    assert made["likelihoods"] == [-10 / len(text) for text in SAID]
    selection = row(chain()[0])["teacher_scores"]
    mixed = [alpha * a + (1 - alpha) * b for a, b in zip(made["likelihoods"], selection, strict=True)]
    assert made["teacher_scores"] == pytest.approx(mixed, abs=1e-5)


def test_answers_of_the_same_text_and_broken_ones_are_left_out():
    said = ["Drink water.", "Drink water.", "Walk to the sea.", "..."]
    done, asked = chain(lambda request: best_is_long(request, said))
    assert [answer[0]["content"] for answer in row(done)["responses"]] == ["Drink water.", "Walk to the sea."]
    assert sum(request.role == "select" for request in asked) == 2
    assert [made.defect for made in done.turns[0].candidates] == ["rejected", "repeated", "", "empty"]


def silent(request):
    if request.role == "select":
        return Response("Well", "length", 1, 1, top_logprobs={"Well": -0.1})
    return best_is_long(request)


def indifferent(request):
    if request.role == "select":
        return Response("None", "length", 1, 1, top_logprobs={"None": -0.1})
    return best_is_long(request)


def down(request):
    raise CallFailed("refused", "too long")


@pytest.mark.parametrize(
    ("answer", "step", "reason"),
    [
        (lambda request: best_is_long(request, ["Drink water."] * 4), "answer", "repeated"),
        (lambda request: best_is_long(request, ["Drink water.", "", "", "?"]), "answer", "empty"),
        (silent, "contrast", "unreadable"),
        (indifferent, "contrast", "undecided"),
        (down, "call", "refused"),
    ],
)
def test_a_round_without_a_preference_is_a_reject(answer, step, reason):
    done, _ = chain(answer)
    assert [(reject.step, reject.reason) for reject in done.rejects] == [(step, reason)]
    assert (done.pairs, done.rankings) == ((), ())
    assert len(done.rejects[0].candidates) == (0 if step == "call" else 4)


def test_requirements_are_checked_on_every_answer_and_the_favourite_meets_all():
    kept = dropped = 0
    for i in range(12):
        seed = replace(SEED, seed_id=f"{i:016x}")
        done, _ = chain(seed=seed, requirements=1)
        if done.rankings:
            kept += 1
            made = row(done)
            assert all(len(met) == 1 for met in made["met"])
            assert made["met"][made["preference"].index(max(made["preference"]))] == [True]
            assert made["requirements"][0]["id"] == done.pairs[0].requirements[0].id
        else:
            dropped += 1
            (reject,) = done.rejects
            assert (reject.step, reject.reason) == ("elimination", "unmet")
            assert [c.text for c in reject.candidates if c.defect == "unmet"] == [max(SAID, key=len)]
    assert kept
    assert dropped


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 5}, "options.samples is 5; expected `int` <= 4"),
        ({"samples": 1}, "options.samples is 1"),
        ({"temperature": 0}, "options.temperature is 0"),
        ({"alpha": 1.5}, "options.alpha is 1.5; expected `float` <= 1.0"),
    ],
)
def test_mistakes_in_the_options_are_named(options, message):
    with pytest.raises(RecipeError, match=message):
        make_plan(Recipe(builder="pad", options=options))


class TeacherPool(ScriptedPool):
    async def identify(self, model=None):
        return TEACHER


@pytest.fixture
def made(make_build):
    def answer(request):
        said = [f"{text} ({request.seed_id[:4]})" for text in SAID]
        return best_is_long(request, said[: 2 + int(request.seed_id[0], 16) % 3] * 2)

    def make(name="build", replay=False, **options):
        student, teacher = (None, None) if replay else (ScriptedPool(answer), TeacherPool(answer))
        others = {"student": ModelSource(MODEL, student), "teacher": ModelSource(TEACHER, teacher)}
        once = "" if replay else "pad"
        return make_build(name, once=once, pool=student, recipe=replace(PAD, options=options), extra_models=others)

    return make


def test_the_build_tells_of_the_method_and_the_position_bias(made):
    build = made()
    manifest = read_manifest(build)
    rankings = list(every_row(build, "ranking"))
    assert {row["id"] for row in rankings} == {row["id"] for row in every_row(build, "preference")}
    assert {row["teacher"] for row in rankings} == {str(TEACHER)}
    assert manifest["counts"]["pairs"] == len(rankings) == 40
    told = manifest["rankings"]
    assert sum(told["responses"].values()) == 40
    assert set(told["responses"]) == {"2", "3", "4"}
    # 0.75 of the options for the longer one where it is shown first, 0.45 for the shorter one.
    shown = sum(len(row["comparisons"]) for row in rankings)
    assert told["order"] == {"shown": shown, "read": shown, "first": 0.6, "decides": 0.0, "options": 1.0}
    card = (build / "README.md").read_text()
    assert "the answer shown first got 60% in the mean" in card
    assert "trainers/pad.py --dataset_name" in card
    assert "- config_name: ranking" in card
    assert "2, 3 or 4 answers" in card


def files(build):
    return {path.relative_to(build).as_posix(): path.read_bytes() for path in build.rglob("*") if path.is_file()}


@pytest.mark.parametrize("options", [{}, {"alpha": 0.5, "requirements": 1}, {"alpha": 1, "samples": 2}])
def test_a_replay_makes_the_same_bytes(made, options):
    build = made(**options)
    assert files(made("again", replay=True, **options)) == files(build)
    assert validate_build(build).rows["ranking"] == validate_build(build).rows["preference"]


def changed(build, change):
    """What validation says when `change` was done to the first row of the rankings."""
    path = sorted((build / "data" / "ranking").glob("*.parquet"))[0]
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows[0])
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    with pytest.raises(GateError) as caught:
        validate_build(build)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: row["preference"].reverse(), "but teacher_scores give"),
        (lambda row: row["teacher_scores"].reverse(), "but comparisons and likelihoods give"),
        (lambda row: row["comparisons"][0].update(a=0.01), "but comparisons and likelihoods give"),
        (lambda row: row["comparisons"].pop(), "comparisons are not of every two responses in both orders"),
        (lambda row: row["likelihoods"].append(-1.0), "differ in number"),
        (lambda row: row["responses"][0][0].update(content="Other"), "are not the pair with that id"),
        (lambda row: row["responses"].__setitem__(1, row["responses"][0]), "two responses are the same"),
        (lambda row: row.update(teacher="another"), "teacher is 'another', but the manifest says 'test/teacher'"),
        (lambda row: row.update(model="another"), "model is 'another'"),
        (lambda row: row.update(method="mix"), "but the method is 'mix'"),
        (lambda row: row["met"][0].append(True), "requirements, verdicts and votes differ in number"),
        (lambda row: row["preference"].__setitem__(0, 1.0), "preference"),
    ],
)
def test_a_ranking_that_was_changed_is_found(made, change, said):
    assert said in changed(made(), change)
