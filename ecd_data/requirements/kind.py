"""What a kind of requirement consists of, and the decorator by which the modules of `kinds/` declare one.

    def _add_emoji(text: str, *, n: int) -> str:
        return f"{text} {'🙂' * n}"


    @kind(repair=_add_emoji)
    def emoji_count(text: str, *, n: int) -> Verdict:
        return count_verdict(len(EMOJI.findall(text)), "at_least", n, "emoji")

`docs/requirements.md` shows how to add one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from ecd_data.core.values import Verdict

Check = Callable[..., Verdict]
Repair = Callable[..., str | None]
Schema = Mapping[str, Any]  # of JSON
MakeGrammar = Callable[..., str | Schema | None]
Completion = Callable[..., str]
CheckT = TypeVar("CheckT", bound=Check)
Relation = Literal["at_least", "at_most", "exactly"]


@dataclass(frozen=True)
class Kind:
    """What code can do about one kind of requirement; each function also takes the requirement's parameters by name.

    check: (text) -> the verdict. Pure and strict: chatter ("Sure! Here is ...") counts as part of the answer.
    repair: (text) -> the text changed so that it meets the requirement and means the same, or `None` if it cannot be.
    grammar: (max_chars) -> the regular expression or the JSON Schema that forces an answer of about so many characters
        to meet it, or `None`.
    completion: (answer) -> the answer with something added that meets it; calibration uses it where no repair works.
    needs_counting: whether a reader has to count words or letters to judge it, so that no judge is calibrated on it.
    """

    check: Check
    repair: Repair | None
    grammar: MakeGrammar | None
    completion: Completion | None
    needs_counting: bool


# By the name of the check, which is how operations name a kind. `ecd_data.requirements.kinds` fills it and has it too.
KINDS: dict[str, Kind] = {}


def kind(
    *,
    repair: Repair | None = None,
    grammar: MakeGrammar | None = None,
    completion: Completion | None = None,
    needs_counting: bool = False,
) -> Callable[[CheckT], CheckT]:
    """Declare a kind by its check, which stays a plain function; see `Kind` for the arguments.

    Raises:
        ValueError: another kind has the check's name.
    """

    def declare(check: CheckT) -> CheckT:
        if check.__name__ in KINDS:
            raise ValueError(f"two kinds of requirement are named {check.__name__}; rename one of them")
        KINDS[check.__name__] = Kind(check, repair, grammar, completion, needs_counting)
        return check

    return declare


def filled(template: str) -> Callable[..., str]:
    """Return the repair, or completion, that puts the `{text}` and the requirement's parameters into a template."""
    return lambda text, **kwargs: template.format(text=text, **kwargs)


def count_verdict(count: int, relation: Relation, n: int, unit: str) -> Verdict:
    """Return the verdict on a count of some unit against the number that is required."""
    met = {"at_least": count >= n, "at_most": count <= n, "exactly": count == n}[relation]
    return Verdict(met, f"{count} {unit}, {relation.replace('_', ' ')} {n} asked")
