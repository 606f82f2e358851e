"""Measure how many code checks a second one core does, on answers of 200 words, with every operation in turn.

    python -m benchmarks.checks

The goal is 20,000 a second. Where IFEval's reference implementation is installed (the `dev` extra), its checks run
on the same texts, and the ratio is that of the kinds that both have.
"""

import argparse
import random
import time
from collections.abc import Callable, Sequence

from ecd_data.core.values import Requirement
from ecd_data.requirements.kinds import check
from ecd_data.requirements.taxonomy import load_taxonomy

WORDS = 200
PROSE = (
    "the a of and to in it is was for on with as at by time day people way small simple often today water paper house "
    "river garden morning because although children walked slowly opened window friend quiet very really important "
    "I my don't it's well-known 12 3.5 London FAST café (see below) *carefully* [name] \"now\""
)
VOCABULARY = PROSE.split()
# IFEval's kinds with the reference's own parameters, beside the operation of ours that asks for the same. Without the
# number of sentences: the reference downloads a model for it.
SHARED: dict[str, tuple[str, dict[str, object]]] = {
    "content/include_keywords": ("keywords:existence", {"keywords": ["simple", "friend"]}),
    "content/keyword_frequency": ("keywords:frequency", {"keyword": "time", "frequency": 3, "relation": "at least"}),
    "content/avoid_words": ("keywords:forbidden_words", {"forbidden_words": ["very", "really"]}),
    "content/letter_at_least": ("keywords:letter_frequency", {"letter": "b", "let_frequency": 10}),
    "style/language": ("language:response_language", {"language": "fr"}),
    "format/word_count_at_least": ("length_constraints:number_words", {"num_words": 100, "relation": "at least"}),
    "format/starred_parts": ("length_constraints:number_paragraphs", {"num_paragraphs": 3}),
    "format/paragraph_opening": (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 3, "nth_paragraph": 2, "first_word": "today"},
    ),
    "format/placeholders": ("detectable_content:number_placeholders", {"num_placeholders": 3}),
    "format/postscript": ("detectable_content:postscript", {"postscript_marker": "P.S."}),
    "format/bullet_count": ("detectable_format:number_bullet_lists", {"num_bullets": 3}),
    "reasoning/verdict": ("detectable_format:constrained_response", {}),
    "format/highlighted_sections": ("detectable_format:number_highlighted_sections", {"num_highlights": 3}),
    "format/sections": ("detectable_format:multiple_sections", {"section_spliter": "Section", "num_sections": 3}),
    "format/json_object": ("detectable_format:json_format", {}),
    "format/title": ("detectable_format:title", {}),
    "format/two_answers": ("combination:two_responses", {}),
    "content/request_first": ("combination:repeat_prompt", {"prompt_to_repeat": "How do I cook rice?"}),
    "content/end_phrase": ("startend:end_checker", {"end_phrase": "I hope this helps."}),
    "style/capital_words": ("change_case:capital_word_frequency", {"capital_frequency": 3}),
    "style/upper_case": ("change_case:english_capital", {}),
    "style/lower_case": ("change_case:english_lowercase", {}),
    "style/no_commas": ("punctuation:no_comma", {}),
    "format/quotation_marks": ("startend:quotation", {}),
}


def answer(rng: random.Random) -> str:
    """Return an answer of 200 words: sentences in paragraphs, some of them lists, a heading or a table."""
    blocks: list[str] = []
    while sum(len(block.split()) for block in blocks) < WORDS:
        sentences = [" ".join(rng.choices(VOCABULARY, k=rng.randint(6, 18))).capitalize() for _ in range(4)]
        blocks.append(rng.choice([". ".join(sentences) + ".", "\n".join(f"- {text}." for text in sentences)]))
        blocks += rng.choice([[], [], ["## A heading"], ["| Item | Use |\n|---|---|\n| cup | tea |"]])
    return " ".join("\n\n".join(blocks).split(" ")[:WORDS])


def rate(pairs: Sequence[tuple[Callable[[str], object], str]]) -> float:
    """Return checks a second: the best of three rounds over all (check, text) pairs."""
    best = 0.0
    for _ in range(3):
        started = time.process_time()
        for run, text in pairs:
            run(text)
        best = max(best, len(pairs) / (time.process_time() - started))
    return best


def our_check(requirement: Requirement) -> Callable[[str], object]:
    """Return the check of a requirement as a function of the text."""
    return lambda text: check(requirement, text)


def their_checks() -> dict[str, Callable[[str], object]] | None:
    """Return the reference's checks by our operation, or `None` if it is not installed."""
    try:
        import nltk
        from if_verifiable.ifeval.instructions_registry import INSTRUCTION_DICT
    except ImportError:
        return None
    tokenize = nltk.word_tokenize
    # Left to itself, it needs a model to cut sentences first.
    nltk.word_tokenize = lambda text: tokenize(text, preserve_line=True)
    checkers = {}
    for operation, (id_, kwargs) in SHARED.items():
        checkers[operation] = INSTRUCTION_DICT[id_](id_)
        checkers[operation].build_description(**kwargs)
    return {operation: checker.check_following for operation, checker in checkers.items()}


def main() -> None:
    """Print the rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=200, help="how many answers (default: 200)")
    rng = random.Random(0)
    texts = [answer(rng) for _ in range(parser.parse_args().texts)]
    operations = [operation for operation in load_taxonomy().values() if operation.check != "judge"]
    checks = {op.id: our_check(op.draw(rng, 1, "How do I cook rice?")) for op in operations}
    for run in checks.values():
        run(texts[0])  # models are loaded once

    one_text = [(run, text) for text in texts for run in checks.values()]
    print(f"{len(operations)} operations, {len(texts)} answers of {WORDS} words, one core; goal 20,000 checks/s")
    print(f"all checks of one answer in a row: {rate(one_text):10,.0f} checks/s")
    rng.shuffle(one_text)  # what a check remembers of the last few texts is of no use then
    print(f"each check on another answer:      {rate(one_text):10,.0f} checks/s")
    theirs = their_checks()
    if theirs is None:
        print("IFEval's reference implementation is not installed: pip install -e '.[dev]'")
        return
    shared = rate([(checks[operation], text) for text in texts for operation in SHARED])
    peer = rate([(theirs[operation], text) for text in texts[:20] for operation in SHARED])
    print(f"IFEval's kinds, ours:              {shared:10,.0f} checks/s")
    print(f"IFEval's kinds, the reference:     {peer:10,.0f} checks/s; ours are {shared / peer:.1f} times as fast")


if __name__ == "__main__":
    main()
