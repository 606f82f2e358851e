"""How often a model meets a new requirement of its own accord, by the wording and sampling of `edit` and `fresh`.

python -m benchmarks.adaptation --endpoint http://localhost:8080 --seeds bundled --recipe local --cases 60

Every variant gets the same cases: a seed, its first answer, and a requirement that code can check and that the answer
misses. A candidate holds up as in a build: no defect, and the requirement met. Responses are stored, so that a second
run, or one with a variant more, asks only for what is new.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from ecd_data.calls.endpoint import Endpoint
from ecd_data.calls.pool import Pool, identify
from ecd_data.calls.scheduler import ModelSource, run
from ecd_data.calls.store import Store
from ecd_data.cli.arguments import positive, responses_path
from ecd_data.cli.console import console, run_command
from ecd_data.core.errors import RecipeError
from ecd_data.core.recipe import load_recipe
from ecd_data.core.request import Message, Request, Response
from ecd_data.core.rng import keyed_rng
from ecd_data.core.templates import render
from ecd_data.core.values import Candidate, Requirement, Route, Seed, Turn
from ecd_data.corpus.seeds import Columns, read_corpus
from ecd_data.generation.generation import Usage
from ecd_data.methods import make_plan
from ecd_data.methods.contrast import similarity
from ecd_data.methods.defects import defect
from ecd_data.methods.ecd.adaptation import Batch, adapt, batches
from ecd_data.methods.ecd.evolution import append
from ecd_data.methods.plan import Place, Plan
from ecd_data.methods.task import Task
from ecd_data.progress.monitor import ProgressMonitor
from ecd_data.requirements.kinds import check
from ecd_data.requirements.suitability import suits

ROUTES: tuple[Route, ...] = ("edit", "fresh")


@dataclass(frozen=True)
class Case:
    """A seed with its answer R(0), and a requirement that the answer misses; `instruction` states it."""

    seed: Seed
    turn: Turn
    requirement: Requirement
    instruction: str


@dataclass(frozen=True)
class Outcome:
    """A candidate, and what it cost."""

    candidate: Candidate
    prompt_tokens: int
    completion_tokens: int


Write = Callable[[Case, Plan], list[Message]]


@dataclass(frozen=True)
class Variant:
    """The prompts of each route, and the temperatures of the attempts in turn; those of a build where not given."""

    edit: Write | None = None
    fresh: Write | None = None
    temperatures: Sequence[float] = ()


def wish(text: str) -> Write:
    """Return an edit that asks in other words; {} stands for the requirement."""
    return lambda case, plan: plan.chat(case.turn.instruction, case.turn.response, text.format(case.requirement.text))


def task(text: str) -> Write:
    """Return a fresh answer whose prompt is composed in another way."""
    return lambda case, plan: plan.chat(
        text.format(before=case.turn.instruction, instruction=case.instruction, requirement=case.requirement.text)
    )


def edit_with_examples(case: Case, plan: Plan) -> list[Message]:
    """Return an edit with two worked edits as earlier turns of the conversation."""
    instruction = "How can I keep my desk tidy?"
    draft = "Keep only what you use on the desk, and put the rest into a drawer. Clear away cups and papers each day."
    worked = [
        ("Do not use any commas.", draft.replace(",", "")),
        ('Finish with exactly this sentence: "I hope this helps."', f"{draft} I hope this helps."),
    ]
    turns = [text for asked, edited in worked for text in (instruction, draft, _wish(asked), edited)]
    return plan.chat(*turns, case.turn.instruction, case.turn.response, _wish(case.requirement.text))


def _wish(text: str) -> str:
    """Return the sentence of the shipped prompt that asks for a requirement."""
    return render("ecd_data.methods.prompts", "edit.jinja", requirement={"text": text}, in_force=())


AGAIN = "Write your answer again. {}"
VARIANTS = {
    "shipped": Variant(),
    "least change": Variant(
        edit=wish(
            "Change your answer as little as possible so that it also meets this requirement: {}\n\n"
            "Reply with the changed answer and nothing else."
        )
    ),
    "again": Variant(edit=wish(AGAIN)),
    "nothing else": Variant(edit=wish("Write your answer again. {} Change nothing else.")),
    "requirement alone": Variant(edit=wish("{}")),
    "requirement last": Variant(
        edit=wish("Change your answer as little as possible. Reply with the changed answer and nothing else.\n\n{}"),
        fresh=task("{instruction}\n\nRemember: {requirement}"),
    ),
    "first and last": Variant(
        edit=wish(
            "{0}\n\nChange your answer as little as possible so that it also does that. Reply with the changed answer "
            "and nothing else.\n\nRemember: {0}"
        ),
        fresh=task("{requirement}\n\n{before}\n\nRemember: {requirement}"),
    ),
    "examples": Variant(edit=edit_with_examples),
    "cool": Variant(temperatures=(0.3,)),
    "rising": Variant(temperatures=(0.3, 1.0)),
}


Steps = Generator[Sequence[Request], list[Response], list[Outcome]]


def first_turn(seed: Seed, plan: Plan) -> Generator[Sequence[Request], list[Response], Turn | None]:
    """Return I(0) and R(0): the corpus's answer, or the model's first one without a defect."""
    turn = Turn(0, "", seed.instruction, seed.response or "", (), (), "seed", "seed")
    if seed.response is not None:
        return turn
    for attempt in range(plan.recipe.answers):
        (response,) = yield [plan.request(Place(seed.seed_id, 0), "answer", attempt, plan.chat(seed.instruction))]
        if not defect(response):
            return replace(turn, response=response.answer)
    return None


def choose_cases(turns: Iterable[tuple[Seed, Turn | None]], count: int, plan: Plan) -> list[Case]:
    """Return one requirement for each answer, so that every operation has about the same number of cases."""
    cases: list[Case] = []
    used: Counter[str] = Counter()
    for seed, turn in turns:
        if turn is None or len(cases) == count:
            continue
        rng = keyed_rng(plan.recipe.seed, seed.seed_id, "case")
        code = [operation for operation in plan.operations if operation.check != "judge"]
        for operation in sorted(code, key=lambda operation: (used[operation.id], rng.random())):
            requirement = operation.draw(rng, 1)
            if suits(operation, seed.instruction, turn.response) and not check(requirement, turn.response).met:
                cases.append(Case(seed, turn, requirement, append(seed.instruction, requirement.text)))
                used[operation.id] += 1
                break
    return cases


def attempt(case: Case, variant: Variant, plan: Plan) -> Steps:
    """Return all candidates of both routes; each has a defect or meets the requirement."""
    outcomes: list[Outcome] = []
    for route in ROUTES:
        count = plan.recipe.routes.get(route, 0)
        if not count:
            continue
        requirement = case.requirement
        task = Task(case.seed, requirement.round, requirement.id, case.instruction, (requirement,))
        steps = adapt(Batch(route, range(count)), case.turn, task, plan)
        responses = yield [_as_variant(request, case, variant, plan) for request in next(steps)]
        for candidate, response in zip(_result(steps, responses), responses, strict=True):
            if not candidate.defect and not check(requirement, candidate.text).met:
                candidate = replace(candidate, defect="unmet")
            outcomes.append(Outcome(candidate, response.prompt_tokens, response.completion_tokens))
    return outcomes


def _as_variant(request: Request, case: Case, variant: Variant, plan: Plan) -> Request:
    write = variant.edit if request.role == "edit" else variant.fresh
    if write:
        request = replace(request, messages=tuple(write(case, plan)))
    if variant.temperatures:
        request = replace(request, temperature=variant.temperatures[request.attempt % len(variant.temperatures)])
    return request


def _result(steps: Generator[Any, Any, list[Candidate]], responses: list[Response]) -> list[Candidate]:
    try:
        steps.send(responses)
    except StopIteration as done:
        result: list[Candidate] = done.value
        return result
    raise AssertionError("adapt asks once")


def overview(cases: Sequence[Case], results: dict[str, list[list[Outcome]]], plan: Plan) -> str:
    """Return a Markdown table with a row for each variant."""
    head = (
        "variant",
        *(f"{route} holds up" for route in ROUTES),
        "similarity",
        "prompt tokens",
        "rounds / 1,000 calls",
        "tokens / round",
    )
    rows = []
    for name, result in results.items():
        outcomes = [outcome for found in result for outcome in found]
        sound = [
            similarity(outcome.candidate.text, case.turn.response)
            for case, found in zip(cases, result, strict=True)
            for outcome in found
            if not outcome.candidate.defect
        ]
        calls = [called(found, plan) for found in result]
        accepted = sum(any(not outcome.candidate.defect for outcome in found) for found in result)
        tokens = sum(outcome.completion_tokens for asked in calls for outcome in asked)
        rows.append(
            (
                name,
                *(share(outcome for outcome in outcomes if outcome.candidate.route == route) for route in ROUTES),
                f"{fmean(sound):.2f}" if sound else "",
                f"{fmean(outcome.prompt_tokens for outcome in outcomes):.0f}",
                f"{1000 * accepted / sum(map(len, calls)):.0f}",
                f"{tokens / accepted:.0f}" if accepted else "",
            )
        )
    return markdown(head, rows)


def by_operation(cases: Sequence[Case], results: dict[str, list[list[Outcome]]]) -> str:
    """Return a row for each operation and a column for each variant: the share of candidates that hold up."""
    rows = []
    for id_ in sorted({case.requirement.id for case in cases}):
        of_id = [i for i, case in enumerate(cases) if case.requirement.id == id_]
        rows.append((id_, *(share(outcome for i in of_id for outcome in result[i]) for result in results.values())))
    return markdown(("operation", *results), rows)


def called(found: Sequence[Outcome], plan: Plan) -> list[Outcome]:
    """Return the candidates that a round would ask for: it tries the routes in order until one holds up."""
    asked: list[Outcome] = []
    for route, attempts in batches(plan.recipe):
        batch = [o for o in found if o.candidate.route == route and o.candidate.attempt in attempts]
        asked += batch
        if any(not outcome.candidate.defect for outcome in batch):
            break
    return asked


def share(outcomes: Iterable[Outcome]) -> str:
    """Return how many of the candidates hold up, as "0.12 (12/100)"."""
    sound = [not outcome.candidate.defect for outcome in outcomes]
    return f"{fmean(sound):.2f} ({sum(sound)}/{len(sound)})" if sound else ""


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def benchmark(args: argparse.Namespace) -> None:
    recipe = load_recipe(args.recipe, operations=args.operations)
    plan = make_plan(recipe)
    seeds = read_corpus([args.seeds], Columns(input=args.input_column, response=args.response_column)).seeds
    token = os.environ.get("ECD_TOKEN")
    with Store(responses_path(args)) as store:
        pool = Pool([Endpoint(args.endpoint, token=token)], max_concurrency=args.max_concurrency)
        source = ModelSource(identify(pool), pool)

        def ask(steps: Sequence[Generator[Any, Any, Any]], what: str) -> list[Any]:
            results = []
            with ProgressMonitor(console) as monitor:
                monitor.on_stage(what, len(steps))
                for result in run(steps, store, source, on_call=monitor.on_call):
                    results.append(result)
                    monitor.on_result(result, Usage())
            return results

        seeds = seeds[: args.cases * 3 // 2]  # some have no usable answer, and some answers meet every requirement
        turns = ask([first_turn(seed, plan) for seed in seeds], "first answers")
        cases = choose_cases(zip(seeds, turns, strict=True), args.cases, plan)
        if not cases:
            raise RecipeError("no answer of the model leaves a requirement open: give more --cases or --operations.")
        results = {name: ask([attempt(case, VARIANTS[name], plan) for case in cases], name) for name in args.variants}
    print(f"{source.model}, {len(cases)} cases")
    print(f"\n{overview(cases, results, plan)}\n\n{by_operation(cases, results)}")
    for name, result in results.items():
        held = [(case, o.candidate) for case, found in zip(cases, result, strict=True) for o in found]
        held = [(case, candidate) for case, candidate in held if not candidate.defect]
        for case, candidate in keyed_rng("show").sample(held, min(args.show, len(held))):
            print(f"\n{name}, {candidate.route}: {case.instruction}\n- {case.turn.response}\n+ {candidate.text}")


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description="Measure how often a model meets a new requirement of its own accord."
    )
    parser.add_argument("--endpoint", default=os.environ.get("ECD_ENDPOINT"), help="default: $ECD_ENDPOINT")
    parser.add_argument("--seeds", default="bundled", metavar="SRC", help="as for `generate`; default: bundled")
    parser.add_argument("--input-column", metavar="NAME")
    parser.add_argument("--response-column", metavar="NAME", help="without it the model writes the first answers")
    parser.add_argument("--recipe", default="local", metavar="FILE", help="its routes say how many candidates")
    parser.add_argument("--operations", nargs="+", metavar="GLOB", help="instead of the recipe's; code-checked ones")
    parser.add_argument("--cases", type=positive, default=60, metavar="N")
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS), metavar="NAME")
    parser.add_argument("--responses", type=Path, metavar="FILE", help="as for `generate`")
    parser.add_argument("--max-concurrency", type=positive, default=8, metavar="N")
    parser.add_argument("--show", type=positive, default=0, metavar="N", help="print N candidates of each variant")
    args = parser.parse_args()
    if not args.endpoint:
        parser.error("give --endpoint URL, or set ECD_ENDPOINT; `ecd local` starts one here")
    return run_command(lambda: benchmark(args))


if __name__ == "__main__":
    sys.exit(main())
