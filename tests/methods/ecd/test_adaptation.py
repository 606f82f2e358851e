from ecd_data.core.recipe import Recipe
from ecd_data.core.request import Response
from ecd_data.core.values import Requirement, Seed, Turn
from ecd_data.methods import make_plan
from ecd_data.methods.ecd.adaptation import Batch, adapt
from ecd_data.methods.task import Task
from tests.helpers.scripted import finish

DRAFT = "Keep only the things that you use on the desk, and put the rest into a drawer."
EDITED = "Keep only the things that you use on the desk and put the rest into a drawer."
TASK = "How can I keep my desk tidy?"
COMMAS = Requirement("style/no_commas", "Do not use any commas.", {"characters": ",", "name": "commas"}, "code", 2)
SHORT = Requirement("format/word_count_at_most", "Use at most 30 words.", {"relation": "at_most", "n": 30}, "code", 1)
TURN = Turn(1, "", TASK, DRAFT, (SHORT,), (), "seed", "seed")


def asked(route, requirement=COMMAS, *texts):
    seen = []

    def answer(request):
        seen.append(request)
        return Response((texts or (EDITED,) * 9)[request.attempt], "stop")

    plan = make_plan(Recipe(min_similarity=0.6))
    task = Task(Seed("seed", TASK), 2, requirement.id, f"{TASK} {requirement.text}", (SHORT, requirement))
    count = len(texts) or 2
    made = finish(adapt(Batch(route, range(count)), TURN, task, plan), answer)
    return seen, made


def test_the_wish_follows_the_old_answer_and_names_what_must_stay():
    (first, second), _ = asked("edit")
    assert [message["role"] for message in first.messages] == ["user", "assistant", "user"]
    assert [message["content"] for message in first.messages[:2]] == [TASK, DRAFT]
    wish = first.messages[2]["content"]
    assert wish.index(COMMAS.text) < wish.index(SHORT.text)
    assert first.messages == second.messages
    assert first.seed != second.seed


def test_a_fresh_answer_sees_nothing_but_the_published_prompt():
    seen, _ = asked("fresh")
    assert [request.messages for request in seen] == [({"role": "user", "content": f"{TASK} {COMMAS.text}"},)] * 2


def test_each_answer_is_a_candidate_and_tells_its_defect():
    other = "The weather in the mountains was wonderful yesterday."
    _, made = asked("edit", COMMAS, EDITED, DRAFT, "I will not use any commas in my answer about the desk.", other)
    assert [candidate.defect for candidate in made] == ["", "unchanged", "echo", "off_topic"]


def test_an_edit_must_stay_close_and_a_fresh_answer_need_not():
    text = "Every drawer gets one purpose. Cables, paper, pens: buy boxes with labels from a shop nearby."
    assert [asked(route, COMMAS, text)[1][0].defect for route in ("edit", "fresh")] == ["drifted", ""]
