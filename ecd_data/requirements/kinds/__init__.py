"""The kinds of requirement that code can check; how to check, repair or force a requirement of any of them.

Each module declares some kinds (see `ecd_data.requirements.kind`) and is loaded here, whatever its name.
"""

from importlib import import_module
from pkgutil import iter_modules

from ecd_data.core.request import Grammar
from ecd_data.core.values import Requirement, Verdict
from ecd_data.requirements.kind import KINDS
from ecd_data.requirements.taxonomy import load_taxonomy
from ecd_data.requirements.text import has_word

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")


def check(requirement: Requirement, text: str) -> Verdict:
    """Return the verdict on a text.

    Raises:
        KeyError: the requirement is not in the taxonomy, or only a judge can check it.
    """
    return KINDS[load_taxonomy()[requirement.id].check].check(text, **requirement.kwargs)


def repair(requirement: Requirement, text: str) -> str | None:
    """Return the text, changed so that it meets the requirement and means the same; `None` where code cannot do it."""
    kind = KINDS.get(load_taxonomy()[requirement.id].check)
    if kind is None or kind.repair is None or not has_word(text):
        return None
    repaired = kind.repair(text.strip(), **requirement.kwargs)
    return repaired if repaired is not None and check(requirement, repaired).met else None


def grammar(requirement: Requirement, max_chars: int) -> Grammar | None:
    """Return the grammar that forces an answer to meet the requirement, or `None` where none can.

    Args:
        max_chars: bound on the answer; in a list it bounds each item, and in a JSON answer the values share it. Bounds
            under about 150 leave some kinds no room; they then allow a little more.
    """
    kind = KINDS.get(load_taxonomy()[requirement.id].check)
    forced = kind.grammar(max_chars, **requirement.kwargs) if kind and kind.grammar else None
    return None if forced is None else Grammar("regex" if isinstance(forced, str) else "json", forced)
