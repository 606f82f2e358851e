"""The edges of an answer: what it begins and ends with, and what stands around it."""

import re
from functools import partial

from ecd_data.core.values import Verdict
from ecd_data.requirements.grammars import literal, prose, prose_and_last_line, sentence
from ecd_data.requirements.kind import filled, kind
from ecd_data.requirements.text import has_word, is_question, paragraphs, plain, straight, unquoted, words

# The content of brackets is matched first and looked at afterwards: one pattern for both takes quadratic time.
TITLE = re.compile(r"<<([^<>\n]+)>>")
SENTENCE_END = tuple(".!?…\"”’')")


def _add_title(text: str) -> str:
    """Add the first words of the text as its title, up to one that a title can end with."""
    first = list(words(text)[:5])
    while len(first) > 1 and len(first[-1]) < 4:
        first.pop()
    return f"<<{' '.join(first).capitalize()}>>\n\n{text}"


def _titled_prose(max_chars: int) -> str:
    return "<<[A-Z][a-zA-Z ]{1,39}[a-z]>>\\n\\n" + prose(max_chars - 47)


@kind(repair=_add_title, grammar=_titled_prose)
def title(text: str) -> Verdict:
    """Require a title in double angular brackets at the beginning: <<A title>>."""
    match = TITLE.match(plain(text))
    met = match is not None and has_word(match[1])
    return Verdict(met, "titled" if met else "does not begin with a <<title>>")


def _phrase_and_prose(max_chars: int, *, phrase: str) -> str:
    return f"{literal(phrase)}[,:] {prose(max_chars - len(phrase) - 2)}"


@kind(repair=filled("{phrase}: {text}"), grammar=_phrase_and_prose)
def starts_with(text: str, *, phrase: str) -> Verdict:
    """Require the phrase at the beginning, in the same letter case; Markdown's emphasis does not count."""
    body, wanted = plain(text), straight(phrase)
    met = body.startswith(wanted) and not has_word(body[len(wanted) : len(wanted) + 1])
    return Verdict(met, f'begins "{text.lstrip()[: len(phrase)]}"')


def _request_and_prose(max_chars: int, *, request: str) -> str:
    return f"{literal(request)}\\n\\n{prose(max_chars - len(request) - 2)}"


@kind(repair=filled("{request}\n\n{text}"), grammar=_request_and_prose)
def request_first(text: str, *, request: str) -> Verdict:
    """Require the request word for word at the beginning, and an answer behind it.

    Letter case, line breaks and the quotation marks or the emphasis around the request do not count.
    """
    body, wanted = (" ".join(plain(part).casefold().split()).lstrip('"') for part in (text, request))
    rest = body[len(wanted) :]
    if not body.startswith(wanted) or has_word(rest[:1]):
        return Verdict(False, f'begins "{body[:40]}"')
    met = has_word(rest)
    return Verdict(met, "the request, then an answer" if met else "the request alone")


def _close(text: str, *, phrase: str) -> str:
    """Add the closing sentence, as a paragraph of its own where the text has several lines."""
    if "\n" in text:
        return f"{text}\n\n{phrase}"
    return f"{text}{'' if text.endswith(SENTENCE_END) else '.'} {phrase}"


def _prose_and_phrase(max_chars: int, *, phrase: str) -> str:
    return f"{prose(max_chars - len(phrase) - 1)} {literal(phrase)}"


@kind(repair=_close, grammar=_prose_and_phrase)
def ends_with(text: str, *, phrase: str) -> Verdict:
    """Require the phrase at the end, in the same letter case and with nothing but Markdown's emphasis behind it."""
    body = straight(text).rstrip(" \t\r\n*_`")
    met = body.endswith(straight(phrase)) and not body.removesuffix(straight(phrase))[-1:].isalnum()
    return Verdict(met, f'ends "{text.rstrip()[-len(phrase) :]}"')


def _close_with_question(text: str) -> str:
    return _close(text, phrase="Is there anything else you would like to know?")


def _prose_and_question(max_chars: int) -> str:
    return f"{prose(max_chars * 2 // 3)} {sentence(max_chars // 3, '[?]')}"


@kind(repair=_close_with_question, grammar=_prose_and_question)
def ends_with_question(text: str) -> Verdict:
    """Require a question at the end."""
    met = is_question(text)
    return Verdict(met, "ends with a question" if met else "does not end with a question")


@kind(repair=filled("{text}\n\nP.S. I hope this helps."), grammar=partial(prose_and_last_line, start="\\nP[.]S[.]"))
def postscript(text: str, *, marker: str = "P.S.") -> Verdict:
    """Require a last line or last paragraph of several that begins with the marker and goes on."""
    letters = r"\. ?".join(map(re.escape, marker.rstrip(".").split(".")))
    begins = re.compile(letters + (r"\." if marker.endswith(".") else r"\b") + r".*\w", re.DOTALL)
    lines = [line for line in text.splitlines() if line.strip()]
    ends = lines[-1:] + paragraphs(text)[1:][-1:]
    met = any(begins.match(plain(end)) for end in ends)
    return Verdict(met, "a postscript" if met else "no postscript at the end")


def _quote(text: str) -> str:
    """Put the text in double quotation marks; those inside become single ones."""
    return '"' + re.sub('["“”‟„«»]', "'", text) + '"'


def _quoted_prose(max_chars: int) -> str:
    return f'"{prose(max_chars - 2)}"'


@kind(repair=_quote, grammar=_quoted_prose)
def wrapped_in_quotes(text: str) -> Verdict:
    """Require double quotation marks, straight or curly, around the whole text."""
    met = has_word(unquoted(text) or "")
    return Verdict(met, "in quotation marks" if met else "not in quotation marks as a whole")


def _tagged_prose(max_chars: int, *, tag: str) -> str:
    return f"<{tag}>{prose(max_chars - 2 * len(tag) - 5)}</{tag}>"


@kind(repair=filled("<{tag}>{text}</{tag}>"), grammar=_tagged_prose)
def wrapped_in_tag(text: str, *, tag: str) -> Verdict:
    """Require `<tag>` and `</tag>` around the whole text, once each."""
    body, opening, closing = text.strip(), f"<{tag}>", f"</{tag}>"
    if not body.startswith(opening) or not body.endswith(closing):
        return Verdict(False, f"does not stand between {opening} and {closing}")
    if body.count(opening) > 1 or body.count(closing) > 1:
        return Verdict(False, f"{opening} or {closing} more than once")
    met = has_word(body.removeprefix(opening).removesuffix(closing))
    return Verdict(met, f"between {opening} and {closing}" if met else "nothing between the tags")
