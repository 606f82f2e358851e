"""IFEval's instructions as our requirements: its ids and parameters, checked by our kinds (arXiv:2311.07911).

    requirement = ifeval_requirement("length_constraints:number_words", {"relation": "less than", "num_words": 50})
    check(requirement, answer)

`kinds/IFEVAL.md` says where the verdicts differ from the reference implementation's, and why.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ecd_data.core.values import Requirement, Verdict
from ecd_data.requirements.kinds import check
from ecd_data.requirements.kinds.style import LANGUAGES
from ecd_data.requirements.taxonomy import load_taxonomy

Given = Mapping[str, Any]  # IFEval's parameters
Ours = tuple[str, dict[str, Any]]  # an operation, and the parameters of its check that IFEval gives


def ifeval_requirement(instruction_id: str, given: Given) -> Requirement | None:
    """Return an instruction of IFEval as a requirement, or `None` if the id is not one of its 25.

    Args:
        given: IFEval's parameters; those that are `None` count as absent, since datasets fill all columns of a table.

    Raises:
        KeyError, ValueError, TypeError: a parameter is missing, or has a value that IFEval does not have.
    """
    if instruction_id not in INSTRUCTIONS:
        return None
    translate = INSTRUCTIONS[instruction_id]
    operation_id, kwargs = translate({name: value for name, value in given.items() if value is not None})
    fixed = load_taxonomy()[operation_id].kwargs
    return Requirement(operation_id, instruction_id, {**fixed, **kwargs}, "code", 0)


def check_loose(requirement: Requirement, text: str) -> Verdict:
    """Return the verdict of IFEval's loose accuracy, for evaluation only: a line of chatter costs nothing.

    Met if any of `loose_variants` meets the requirement. The reason is that of the first variant which does, or else
    that of the text as it is.
    """
    verdict = check(requirement, text)
    for variant in () if verdict.met else loose_variants(text)[1:]:
        loose = check(requirement, variant)
        if variant.strip() and loose.met:
            return loose
    return verdict


def loose_variants(text: str) -> list[str]:
    """Return the text; it without its first line, its last one or both; and each of these without asterisks."""
    lines = text.split("\n")
    variants = [text, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return variants + [variant.replace("*", "") for variant in variants]


def _fixed(operation_id: str, **kwargs: Any) -> Callable[[Given], Ours]:
    return lambda given: (operation_id, kwargs)


def _renamed(operation_id: str, **names: str) -> Callable[[Given], Ours]:
    """Translate by other names of the parameters: ours=theirs."""
    return lambda given: (operation_id, {ours: given[theirs] for ours, theirs in names.items()})


def _counted(at_least: str, at_most: str, n: str, relation: str = "relation", **names: str) -> Callable[[Given], Ours]:
    """Translate a count against a number; IFEval's "less than n" is our "at most n - 1"."""

    def translate(given: Given) -> Ours:
        others = {ours: given[theirs] for ours, theirs in names.items()}
        if given[relation] == "at least":
            return at_least, {"relation": "at_least", "n": given[n], **others}
        if given[relation] == "less than":
            return at_most, {"relation": "at_most", "n": given[n] - 1, **others}
        raise ValueError(f"{relation} must be `at least` or `less than`, got {given[relation]!r}")

    return translate


def _language(given: Given) -> Ours:
    """Translate a language: those that our own operation asks for have names, the others stay codes."""
    names = {code: name for name, code in LANGUAGES.items()}
    return "style/language", {"language": names.get(given["language"], given["language"])}


INSTRUCTIONS: dict[str, Callable[[Given], Ours]] = {
    "keywords:existence": _renamed("content/include_keywords", keywords="keywords"),
    "keywords:frequency": _counted(
        "content/keyword_frequency", "content/keyword_at_most", "frequency", keyword="keyword"
    ),
    "keywords:forbidden_words": _renamed("content/avoid_words", keywords="forbidden_words"),
    "keywords:letter_frequency": _counted(
        "content/letter_at_least", "content/letter_at_most", "let_frequency", "let_relation", letter="letter"
    ),
    "language:response_language": _language,
    "length_constraints:number_sentences": _counted(
        "format/sentence_count_at_least", "format/sentence_count_at_most", "num_sentences"
    ),
    "length_constraints:number_paragraphs": _renamed("format/starred_parts", n="num_paragraphs"),
    "length_constraints:number_words": _counted(
        "format/word_count_at_least", "format/word_count_at_most", "num_words"
    ),
    "length_constraints:nth_paragraph_first_word": _renamed(
        "format/paragraph_opening", n="num_paragraphs", place="nth_paragraph", word="first_word"
    ),
    "detectable_content:number_placeholders": _renamed("format/placeholders", n="num_placeholders"),
    "detectable_content:postscript": _renamed("format/postscript", marker="postscript_marker"),
    "detectable_format:number_bullet_lists": _renamed("format/bullet_count", n="num_bullets"),
    "detectable_format:constrained_response": _fixed("reasoning/verdict"),
    "detectable_format:number_highlighted_sections": _renamed("format/highlighted_sections", n="num_highlights"),
    "detectable_format:multiple_sections": _renamed("format/sections", label="section_spliter", n="num_sections"),
    # IFEval asks for JSON of any shape.
    "detectable_format:json_format": _fixed("format/json_schema", schema={}),
    "detectable_format:title": _fixed("format/title"),
    "combination:two_responses": _fixed("format/two_answers"),
    "combination:repeat_prompt": _renamed("content/request_first", request="prompt_to_repeat"),
    "startend:end_checker": _renamed("content/end_phrase", phrase="end_phrase"),
    "change_case:capital_word_frequency": _counted(
        "style/capital_words", "style/capital_words", "capital_frequency", "capital_relation"
    ),
    "change_case:english_capital": _fixed("style/upper_case"),
    "change_case:english_lowercase": _fixed("style/lower_case"),
    "punctuation:no_comma": _fixed("style/no_commas"),
    "startend:quotation": _fixed("format/quotation_marks"),
}
