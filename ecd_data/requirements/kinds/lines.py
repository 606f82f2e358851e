"""Lines: how many there are, lists of them, and what is written at their start."""

import re
from collections.abc import Sequence

from ecd_data.core.values import Verdict
from ecd_data.requirements.grammars import LETTER, literal, prose, prose_and_last_line, sentence
from ecd_data.requirements.kind import MakeGrammar, Repair, count_verdict, filled, kind
from ecd_data.requirements.text import first_sentence, has_word, plain, sentences

BULLET = re.compile(r"[ \t]*[-*+•][ \t]+\S")
RULE = re.compile(r"[ \t]*[-*+](?:[ \t]*[-*+])*[ \t]*")
STEP = re.compile(r"(?:step[ \t]*)?(\d{1,3})(?:[.):]|[ \t]+[-–—])[ \t]+\S", re.IGNORECASE)
TASK = re.compile(r"[ \t]*[-*+][ \t]+\[[ xX]\][ \t]+\S")
PERCENT = re.compile(r"\d{1,3}")


def one_per_sentence(marker: str) -> Repair:
    """Return the repair that makes a line of each sentence of one paragraph, behind a marker; {} is its number."""

    def repair(text: str, *, n: int) -> str | None:
        all_sentences = sentences(text)
        if len(all_sentences) != n or "\n" in text:
            return None
        return "\n".join(marker.format(number) + sentence for number, sentence in enumerate(all_sentences, 1))

    return repair


def items(marker: str) -> MakeGrammar:
    """Return the grammar of `n` items behind a marker, which is a pattern; {} is the item's number."""

    def grammar(max_chars: int, *, n: int) -> str:
        # An item ends at its first full stop. A tight bound would cut it in mid-sentence instead.
        item = prose(max_chars, marks=",", low=8)
        return "\\n".join(marker.format(number) + item for number in range(1, n + 1))

    return grammar


def _prose_lines(max_chars: int, *, n: int) -> str:
    return "\\n".join([prose(max_chars // n, low=12)] * n)


@kind(repair=one_per_sentence(""), grammar=_prose_lines)
def line_count(text: str, *, n: int) -> Verdict:
    """Require exactly `n` lines that are not blank."""
    return count_verdict(sum(bool(line.strip()) for line in text.splitlines()), "exactly", n, "lines")


@kind(repair=one_per_sentence("- "), grammar=items("- "))
def bullet_count(text: str, *, n: int) -> Verdict:
    """Require exactly `n` bullet points (`-`, `*`, `+` or `•`), indented or not; a rule (`* * *`) is not one."""
    bullets = [line for line in text.splitlines() if BULLET.match(line) and not RULE.fullmatch(line)]
    return count_verdict(len(bullets), "exactly", n, "bullet points")


@kind(repair=one_per_sentence("{}. "), grammar=items("{}[.] "))
def numbered_steps(text: str, *, n: int) -> Verdict:
    """Require exactly `n` lines numbered 1, 2, 3, ... in order (`1.`, `1)`, `Step 1:`), in bold or as headings too."""
    steps = [match for line in text.splitlines() if (match := STEP.match(plain(line)))]
    numbers = [int(match[1]) for match in steps]
    if numbers != list(range(1, len(numbers) + 1)):
        return Verdict(False, f"numbered {', '.join(map(str, numbers[:10]))}")
    return count_verdict(len(numbers), "exactly", n, "numbered steps")


@kind(repair=one_per_sentence("- [ ] "), grammar=items("- \\[ \\] "))
def checklist(text: str, *, n: int) -> Verdict:
    """Require exactly `n` items of a Markdown task list: `- [ ] so` or `- [x] so`."""
    count = sum(TASK.match(line) is not None for line in text.splitlines())
    return count_verdict(count, "exactly", n, "task list items")


def _prose_and_labelled_line(max_chars: int, *, label: str) -> str:
    return prose_and_last_line(max_chars, literal(label))


def _add_labelled_line(answer: str, *, label: str) -> str:
    return f"{answer}\n{label} {first_sentence(answer)}"


@kind(grammar=_prose_and_labelled_line, completion=_add_labelled_line)
def line_starting(text: str, *, label: str) -> Verdict:
    """Require a line that begins with the label and goes on ("Example: ...")."""
    met = any(is_labelled(plain(line), label) for line in text.splitlines())
    return Verdict(met, f'a line starts with "{label}"' if met else f'no line starts with "{label}" and goes on')


@kind(grammar=_prose_and_labelled_line, completion=_add_labelled_line)
def last_line_starting(text: str, *, label: str) -> Verdict:
    """Require a last line that begins with the label and goes on ("Answer: ...")."""
    met = is_labelled(last_line(text), label)
    return Verdict(met, f'the last line {"starts" if met else "does not start"} with "{label}"')


def _prose_behind_labels(max_chars: int, *, labels: Sequence[str]) -> str:
    line = prose(max_chars // len(labels) - 12, marks=",", low=12)
    return "\\n".join(f"{literal(label)} {line}" for label in labels)


def _add_labelled_lines(answer: str, *, labels: Sequence[str]) -> str:
    return "\n".join([answer, *(f"{label} {first_sentence(answer)}" for label in labels)])


@kind(grammar=_prose_behind_labels, completion=_add_labelled_lines)
def labelled_lines(text: str, *, labels: Sequence[str]) -> Verdict:
    """Require one line for each label, which begins with it and goes on, in the order of the labels."""
    used = [label for line in map(plain, text.splitlines()) for label in labels if is_labelled(line, label)]
    return Verdict(used == list(labels), f"lines labelled {', '.join(used[:10]) or 'none'}")


def _questions_and_answers(max_chars: int, *, n: int) -> str:
    share = max_chars // (2 * n)
    return "\\n".join([f"Q: {sentence(share, '[?]')}\\nA: {sentence(share)}"] * n)


def _add_questions_and_answers(answer: str, *, n: int) -> str:
    return "\n".join([answer, *[f"Q: Is that so?\nA: {first_sentence(answer)}"] * n])


@kind(grammar=_questions_and_answers, completion=_add_questions_and_answers)
def question_and_answer(text: str, *, n: int) -> Verdict:
    """Require exactly `n` lines that begin with "Q:", each followed by one that begins with "A:"."""
    lines = map(plain, text.splitlines())
    initials = "".join(line[0] for line in lines if is_labelled(line, "Q:") or is_labelled(line, "A:"))
    return Verdict(initials == "QA" * n, f"the labels are {initials[:20] or 'none'}, QA {n} times asked")


def _prose_and_listing(max_chars: int, *, label: str, n: int) -> str:
    item = f"[{LETTER}][a-z ]{{2,24}}[a-z]"
    return f"{prose(max_chars - 28 * n - len(label))}\\n{literal(label)} {', '.join([item] * n)}"


def _add_listing(answer: str, *, label: str, n: int) -> str:
    return f"{answer}\n{label} {', '.join(['tips', 'tricks', 'history'][:n])}"


@kind(grammar=_prose_and_listing, completion=_add_listing)
def last_line_items(text: str, *, label: str, n: int) -> Verdict:
    """Require a last line that begins with the label and lists exactly `n` things, separated by commas."""
    last = last_line(text)
    if not last.startswith(label):
        return Verdict(False, f'the last line does not start with "{label}"')
    listed = [item for item in last[len(label) :].split(",") if has_word(item)]
    return count_verdict(len(listed), "exactly", n, "things listed")


def _prose_and_percentage(max_chars: int, *, label: str) -> str:
    return f"{prose(max_chars - len(label) - 6)}\\n{literal(label)} [1-9][05]%"


@kind(grammar=_prose_and_percentage, completion=filled("{text}\n{label} 80%"))
def percent_line(text: str, *, label: str) -> Verdict:
    """Require a last line with the label, a whole percentage from 0% to 100%, and nothing else."""
    last = last_line(text)
    share = last.removeprefix(label).strip().rstrip(".")
    met = last.startswith(label) and share.endswith("%") and PERCENT.fullmatch(share[:-1]) and int(share[:-1]) <= 100
    return Verdict(bool(met), f'the last line is "{last[:60]}"')


def is_labelled(line: str, label: str) -> bool:
    """Return whether a plain line begins with a label and goes on behind it."""
    return line.startswith(label) and has_word(line[len(label) :])


def last_line(text: str) -> str:
    """Return the last line that is not blank, without Markdown's marks."""
    return plain(next((line for line in reversed(text.splitlines()) if line.strip()), ""))
