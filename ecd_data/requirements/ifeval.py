"""IFEval's instructions as our requirements: its ids and parameters, checked by our checks.

    requirement = ifeval_requirement("length_constraints:number_words", {"relation": "less than", "num_words": 50})
    check(requirement, answer)

`checks/IFEVAL.md` says where the verdicts differ from the reference implementation's, and why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ecd_data.core.values import Requirement
from ecd_data.requirements.checks.style import LANGUAGES
from ecd_data.requirements.taxonomy import load_taxonomy

Given = Mapping[str, Any]
Ours = tuple[str, dict[str, Any]]  # an operation, and what IFEval gives of its check's parameters


def ifeval_requirement(instruction_id: str, given: Given) -> Requirement | None:
    """The requirement that an instruction of IFEval is; `None` for an id that is none of its 25.

    Parameters that are `None` count as not given: datasets fill all columns of a table.

    Raises:
        KeyError, ValueError, TypeError: a parameter is missing, or has a value that IFEval does not have.
    """
    if instruction_id not in KINDS:
        return None
    operation_id, kwargs = KINDS[instruction_id]({name: value for name, value in given.items() if value is not None})
    fixed = load_taxonomy()[operation_id].kwargs
    return Requirement(operation_id, instruction_id, {**fixed, **kwargs}, "code", 0)


def _always(operation_id: str, **kwargs: Any) -> Callable[[Given], Ours]:
    return lambda given: (operation_id, kwargs)


def _named(operation_id: str, **names: str) -> Callable[[Given], Ours]:
    """An operation whose check calls the parameters otherwise: ours=theirs."""
    return lambda given: (operation_id, {ours: given[theirs] for ours, theirs in names.items()})


def _counted(at_least: str, at_most: str, n: str, relation: str = "relation", **names: str) -> Callable[[Given], Ours]:
    """A count against a number; IFEval's "less than n" is our "at most n - 1"."""

    def read(given: Given) -> Ours:
        others = {ours: given[theirs] for ours, theirs in names.items()}
        if given[relation] == "at least":
            return at_least, {"relation": "at_least", "n": given[n], **others}
        if given[relation] == "less than":
            return at_most, {"relation": "at_most", "n": given[n] - 1, **others}
        raise ValueError(f"{relation} is {given[relation]!r}; it is `at least` or `less than`")

    return read


def _language(given: Given) -> Ours:
    """Languages that we ask for too have names; the others stay codes."""
    names = {code: name for name, code in LANGUAGES.items()}
    return "style/language", {"language": names.get(given["language"], given["language"])}


KINDS: dict[str, Callable[[Given], Ours]] = {
    "keywords:existence": _named("content/include_keywords", keywords="keywords"),
    "keywords:frequency": _counted(
        "content/keyword_frequency", "content/keyword_at_most", "frequency", keyword="keyword"
    ),
    "keywords:forbidden_words": _named("content/avoid_words", keywords="forbidden_words"),
    "keywords:letter_frequency": _counted(
        "content/letter_at_least", "content/letter_at_most", "let_frequency", "let_relation", letter="letter"
    ),
    "language:response_language": _language,
    "length_constraints:number_sentences": _counted(
        "format/sentence_count_at_least", "format/sentence_count_at_most", "num_sentences"
    ),
    "length_constraints:number_paragraphs": _named("format/starred_parts", n="num_paragraphs"),
    "length_constraints:number_words": _counted(
        "format/word_count_at_least", "format/word_count_at_most", "num_words"
    ),
    "length_constraints:nth_paragraph_first_word": _named(
        "format/paragraph_opening", n="num_paragraphs", place="nth_paragraph", word="first_word"
    ),
    "detectable_content:number_placeholders": _named("format/placeholders", n="num_placeholders"),
    "detectable_content:postscript": _named("format/postscript", marker="postscript_marker"),
    "detectable_format:number_bullet_lists": _named("format/bullet_count", n="num_bullets"),
    "detectable_format:constrained_response": _always("reasoning/verdict"),
    "detectable_format:number_highlighted_sections": _named("format/highlighted_sections", n="num_highlights"),
    "detectable_format:multiple_sections": _named("format/sections", label="section_spliter", n="num_sections"),
    # IFEval asks for JSON of any shape.
    "detectable_format:json_format": _always("format/json_schema", schema={}),
    "detectable_format:title": _always("format/title"),
    "combination:two_responses": _always("format/two_answers"),
    "combination:repeat_prompt": _named("content/request_first", request="prompt_to_repeat"),
    "startend:end_checker": _named("content/end_phrase", phrase="end_phrase"),
    "change_case:capital_word_frequency": _counted(
        "style/capital_words", "style/capital_words", "capital_frequency", "capital_relation"
    ),
    "change_case:english_capital": _always("style/upper_case"),
    "change_case:english_lowercase": _always("style/lower_case"),
    "punctuation:no_comma": _always("style/no_commas"),
    "startend:quotation": _always("format/quotation_marks"),
}
