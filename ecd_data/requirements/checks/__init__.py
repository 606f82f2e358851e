"""The code checks: one small pure function per kind of requirement, text and parameters in, a `Verdict` out.

They are strict: leading chatter ("Sure! Here is ...") counts as part of the answer.
"""

from __future__ import annotations

from collections.abc import Callable

from ecd_data.core.values import Requirement, Verdict
from ecd_data.requirements.checks import (
    data,
    figures,
    layout,
    length,
    letters,
    lines,
    markup,
    parts,
    sentence,
    style,
    words,
)
from ecd_data.requirements.taxonomy import load_taxonomy

CHECKS: dict[str, Callable[..., Verdict]] = {
    function.__name__: function
    for function in (
        length.word_count,
        length.sentence_count,
        length.paragraph_count,
        length.character_count,
        length.word_frequency,
        words.include_words,
        words.avoid_words,
        words.starts_with,
        words.ends_with,
        words.mentions_phrase,
        words.ordered_words,
        words.one_of,
        layout.bullet_count,
        layout.numbered_steps,
        layout.title,
        layout.highlights,
        layout.postscript,
        layout.placeholders,
        layout.wrapped_in_quotes,
        lines.line_starting,
        lines.last_line_starting,
        style.lower_case,
        style.upper_case,
        style.no_characters,
        style.no_digits,
        style.language,
        sentence.sentence_length,
        sentence.sentence_starts,
        sentence.question_count,
        sentence.ends_with_question,
        sentence.word_in_sentence,
        sentence.words_in_one_sentence,
        lines.line_count,
        lines.labelled_lines,
        lines.question_and_answer,
        lines.last_line_items,
        lines.percent_line,
        letters.acrostic,
        letters.alliteration,
        letters.letter_count,
        letters.capital_words,
        letters.palindrome,
        letters.longest_word,
        letters.repeated_words,
        letters.contractions,
        letters.ascii_only,
        letters.emoji_count,
        letters.parentheses,
        letters.mark_count,
        figures.number_count,
        figures.percentage,
        figures.iso_date,
        figures.metric_units,
        markup.heading_count,
        markup.table,
        markup.checklist,
        markup.divider_count,
        markup.block_quote,
        markup.wrapped_in_tag,
        markup.code_block,
        parts.section_count,
        parts.part_count,
        parts.two_answers,
        parts.paragraph_opening,
        parts.request_first,
        data.json_object,
        data.json_matching,
        data.yaml_mapping,
        data.csv_rows,
    )
}


def check(requirement: Requirement, text: str) -> Verdict:
    """The verdict on a text; `requirement.id` says which check it is, `requirement.kwargs` are its parameters."""
    return CHECKS[load_taxonomy()[requirement.id].check](text, **requirement.kwargs)


def check_loose(requirement: Requirement, text: str) -> Verdict:
    """The verdict as IFEval's loose accuracy has it, for evaluation only: a line of chatter costs nothing.

    Met when the text meets it, or does without its first line, its last one, both, or any of these without
    asterisks. The reason is that of the first variant that meets it, or else that of the text as it is.
    """
    verdict = check(requirement, text)
    for variant in () if verdict.met else loose_variants(text)[1:]:
        loose = check(requirement, variant)
        if variant.strip() and loose.met:
            return loose
    return verdict


def loose_variants(text: str) -> list[str]:
    """The text and what IFEval's loose accuracy puts in its place (arXiv:2311.07911)."""
    lines = text.split("\n")
    cut = [text, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return cut + [variant.replace("*", "") for variant in cut]
