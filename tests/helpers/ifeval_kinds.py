"""IFEval's kinds as we read them: our check beside the reference's, their settings, and texts near the border.

A kind's `view` is how we read a text and states each deliberate difference (`kinds/IFEVAL.md` has the reasons):
our verdict is the reference's on the view. `None` is a text that we do not accept at all.
"""

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from if_verifiable.ifeval.instructions_registry import INSTRUCTION_DICT as REFERENCE

from ecd_data.requirements.kinds import KINDS as OURS
from ecd_data.requirements.taxonomy import load_taxonomy

ANY = [
    *("The old dog", "walks home.", "I", "A", "and so on", "Really?", "Go!", "It is late.", "she said", "HOME", "x"),
    *("don't", "don’t", "well-known", "WELL-KNOWN", "3.14", "1,000", "U.S.", "e.g.", "café", "nai\u0308ve", "Straße"),
    *("data\u00adbase", "_under_", "**bold**", "*so*", '"quoted"', "“curly”", "‘a’", "«oui»", "日本、", "🎉", "…"),
    *("—", "- item", "* item", "1. step", "# Head", "> quote", "```", "[name]", "[1]", "***", "******", "---"),
    *(
        ",",
        ";",
        "*",
        "Sure! Here is what you asked for:",
        "COVID-19",
        "(see)",
        "<<A>>",
        "P.S. Go.",
        "ªº",
        "ǅ",
        "Yes.",
        "no",
    ),
]
GLUE = ["", " ", " ", " ", "\n", "\n", "\n\n"]


def at_least(n):
    return {"relation": "at_least", "n": n}


def at_most(n):
    return {"relation": "at_most", "n": n}


def relations(numbers, name, key="relation"):
    """Both of IFEval's relations: "less than n + 1" is our "at most n"."""
    for n in numbers:
        yield at_least(n), {name: n, key: "at least"}
        yield at_most(n), {name: n + 1, key: "less than"}


@dataclass
class Kind:
    """One of IFEval's kinds: its id, our check, pairs of settings (ours, the reference's), and what texts are like."""

    id: str
    check: str
    settings: list[tuple[dict, dict]]
    bits: list[str] = field(default_factory=list)
    view: Callable[..., str | None] | None = None

    def ours(self, text, kwargs):
        return OURS[self.check].check(text, **kwargs).met

    def theirs(self, text, kwargs):
        checker = REFERENCE[self.id](self.id)
        checker.build_description(**kwargs)
        return bool(text is not None and text.strip() and checker.check_following(text))

    def read(self, text, kwargs):
        return text if self.view is None else self.view(text, kwargs)

    def text(self, rng):
        """Return a text near the border: half of it of what matters to the kind."""
        pool = self.bits if self.bits and rng.random() < 0.5 else self.bits * max(1, len(ANY) // 20) + ANY
        bits = [rng.choice(pool) for _ in range(rng.choice([1, 1, 2, 3, 5, 8, 12]))]
        return "".join(part for bit in bits for part in (bit, rng.choice(GLUE)))


def straight(text):
    text = unicodedata.normalize("NFC", text).replace("\u00ad", "")
    return re.sub("[“”„«»]", '"', re.sub("[‘’]", "'", text))


def bare(text):
    """Without emphasis, and without the marks of a heading, a quote or a list at its start."""
    return re.sub("[*_`]", "", straight(text)).lstrip("#>-+• \t\n").rstrip()


def whole_words(text, kwargs):
    """Keywords stand as words of their own: not inside others, not in "can't"; underscores are no letters."""
    wanted = kwargs.get("keywords") or [kwargs["keyword"]]
    tokens = re.findall(r"[^\W_]+(?:'t\b)?|[^\w]", straight(text).replace("_", " "))
    return "".join(token if token.lower() in wanted or not token[0].isalnum() else "x" for token in tokens)


def joined_words(text, kwargs):
    """Words with apostrophes or hyphens, numbers and abbreviations with points count once."""
    abbreviation = r"(?<!\w)(?<!\w['\-])(?:[^\W\d_]\.){2,}"
    text = re.sub(abbreviation, lambda match: match[0].replace(".", "") + " ", straight(text))
    return re.sub(r"(?<=\w)['\-](?=\w)|(?<=\d)[.,:](?=\d)", "", text)


def without_lone_letters(text, kwargs):
    """Words in capitals have two letters or more; words as above, and none joined by a slash or a dash."""
    return " ".join(w for w in re.findall(r"\w+", joined_words(text, kwargs)) if sum(map(str.isalpha, w)) > 1) or "x"


def starred_parts(text, kwargs):
    """Three asterisks divide where they are a line of their own, and a part has a word."""
    lines = [line if line.strip() == "***" else line.replace("*", "~") for line in text.split("\n")]
    parts = re.split(r"(?m)^\s*\*\*\*\s*$", "\n".join(lines))
    return None if any(part.strip() and not re.search(r"\w", part) for part in parts) else "\n".join(lines)


def two_answers(text, kwargs):
    """Six asterisks divide where they are a line of their own, and the answers differ in words."""
    lines = [line if line.strip() == "******" else line.replace("*", "~") for line in text.split("\n")]
    answers = [part for part in "\n".join(lines).split("******") if part.strip()]
    different = {tuple(re.findall(r"\w+", joined_words(part.lower(), {}))) for part in answers}
    return "\n".join(lines) if len(different) == len(answers) and all(map(has_word, answers)) else None


def has_word(text):
    return re.search(r"[^\W_]", text) is not None


def first_words(text, kwargs):
    """Paragraphs are blocks with a word; a first word is looked at without marks and ends where words end."""
    blocks = [block for block in re.split(r"\n[ \t]*\n", text) if re.search(r"\w", block)]
    first = [re.search(r"\w+(?:['\-]\w+)*|$", bare(block))[0].replace("'", "_") for block in blocks]
    return "\n\n".join(word or "x" for word in first)


def bullets(text, kwargs):
    """A bullet point is a mark (-, *, + or •), a space and something behind it; a rule is none."""
    lines = [line.strip() for line in text.split("\n")]
    matches = [re.match(r"[-*+•]\s+\S", line) and not re.fullmatch(r"(?:[-*+]\s*)+", line) for line in lines]
    return "\n".join("- item" if is_bullet else "text" for is_bullet in matches)


def highlights(text, kwargs):
    """What is highlighted has a word, no space inside its asterisks, no letter before or behind; bold counts once."""
    passages = re.findall(r"(?<![\w*])(\*{1,3})(\S|\S[^*\n]*\S)\1(?![\w*])", text)
    return " ".join(f"*{inside}*" for _, inside in passages if "*" not in inside and re.search(r"\w", inside)) or "x"


def placeholders(text, kwargs):
    """A placeholder is a name of two or more letters, no link and no number."""
    names = re.findall(r"\[([^\[\]\n]*)\](?!\()", text)
    return " ".join(f"[{name}]" for name in names if sum(map(str.isalpha, name)) > 1) or "x"


def numbered_sections(text, kwargs):
    """Sections start a line, are numbered 1, 2, ... up to the number asked, and say something."""
    label, lines = kwargs["label"], [bare(line) for line in text.split("\n")]
    parts = re.split(rf"(?m)^{label} (\d+)\b", "\n".join(lines))
    in_order = parts[1::2] == [str(i + 1) for i in range(kwargs["n"])]
    return "\n".join(lines) if in_order and all(has_word(part) for part in parts[2::2]) else None


def at_the_end(text, kwargs):
    """A postscript is the last line or the last of several paragraphs, in capitals, and says something."""
    lines = [line for line in text.split("\n") if line.strip()]
    blocks = [block for block in re.split(r"\n[ \t]*\n", text) if re.search(r"\w", block)]
    ends = [bare(end) for end in (lines[-1:] + blocks[1:][-1:])]
    begins = {"P.S.": r"P\. ?S\.", "P.P.S": r"P\. ?P\. ?S\b"}[kwargs["marker"]]
    matches = ((end, re.match(begins, end)) for end in ends)
    return next((end for end, match in matches if match and re.search(r"\w", end[match.end() :])), None)


def one_option(text, kwargs):
    """One option and no other, whatever its line breaks and emphasis."""
    text = " ".join(re.sub("[*_`]", "", straight(text)).split())
    return text if sum(option in text for option in OPTIONS) == 1 else None


def object_of_keys(text, kwargs):
    """JSON as asked is an object with exactly the keys, each once and with a value."""
    body = re.fullmatch(r"(?is)\s*```(?:json)?[ \t]*\n(.*)\n[ \t]*```\s*", text)
    try:
        pairs = json.loads(body[1] if body else text, object_pairs_hook=lambda pairs: pairs)
    except ValueError:
        return None
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        return None
    full = all(str(value).strip() not in ("", "None", "[]", "nan") for _, value in pairs)
    return text if sorted(key for key, _ in pairs) == sorted(kwargs["keys"]) and full else None


def strict_json(text, kwargs):
    """JSON of any shape has each key once and no NaN, and its fence, if it has one, stands around the whole."""
    body = re.fullmatch(r"(?is)\s*```(?:json)?[ \t]*\n(.*)\n[ \t]*```\s*", text)
    text = body[1] if body else text
    try:
        value = json.loads(
            text, object_pairs_hook=lambda pairs: dict(pairs) if len(dict(pairs)) == len(pairs) else ...
        )
        json.dumps(value, allow_nan=False)
    except (ValueError, TypeError):
        return None
    return text


def title_first(text, kwargs):
    """A title begins the text and has a word."""
    match = re.match(r"<<([^<>\n]+)>>", bare(text))
    return match[0] if match and re.search(r"\w", match[1]) else None


def exact_ending(text, kwargs):
    """The phrase ends the text as written, case included; nothing but emphasis follows, no letter comes before."""
    text = straight(text).rstrip(" \n*_`")
    return text if re.search(rf"(?<![^\W_]){re.escape(kwargs['phrase'])}\Z", text) else None


def request_first(text, kwargs):
    """Emphasis, quotation marks and line breaks around the request do not count, and an answer must follow."""
    text = " ".join(bare(text).split()).lstrip('"')
    rest = text[len(kwargs["request"]) :]
    return text if re.search(r"\w", rest) and not re.match(r"\w", rest) else None


def wide_commas(text, kwargs):
    """Commas of other scripts are commas."""
    return re.sub("[，、،]", ",", text)


def no_ordinals(text, kwargs):
    """Letters that have no capital stand in any case."""
    return re.sub("[ªº]", "", text)


def one_quotation(text, kwargs):
    """Curly marks are quotation marks too; one pair stands around the whole, which says something."""
    body = re.sub("[“”„]|«\\s*| ?»", '"', text.strip())
    depth, opening = 0, True
    for i, char in enumerate(body):
        if char == '"':
            depth += 1 if opening else -1
            if depth == 0 and i < len(body) - 1:
                return None
        else:
            opening = char in " \n([{-–—/*_"
    return body if depth == 0 and re.search(r"\w", body) else None


OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
ENDING, REQUEST = "I hope this helps.", "How do I cook rice?"
WORDS = [
    *("time", "Time", "TIME", "sometimes", "timely", "time's", "_time_", "over-time", "ti\u00adme", "day", "today"),
    *("can", "can't", "can’t", "candid", "Can.", "_can_"),
]
KINDS = [
    Kind(
        "keywords:existence",
        "include_words",
        [({"keywords": words}, {"keywords": words}) for words in (["time"], ["time", "day"])],
        WORDS,
        whole_words,
    ),
    Kind(
        "keywords:frequency",
        "word_frequency",
        [
            ({"keyword": "time", **ours}, {"keyword": "time", **theirs})
            for ours, theirs in relations(range(1, 6), "frequency")
        ],
        WORDS,
        whole_words,
    ),
    Kind(
        "keywords:forbidden_words",
        "avoid_words",
        [({"keywords": words}, {"forbidden_words": words}) for words in (["can"], ["time", "day"])],
        WORDS,
        whole_words,
    ),
    Kind(
        "keywords:letter_frequency",
        "letter_count",
        [
            ({"letter": letter, **ours}, {"letter": letter, **theirs})
            for letter in "eit"
            for ours, theirs in relations(range(1, 9), "let_frequency", "let_relation")
        ],
        ["e", "E", "é", "e\u0301", "ee", "I", "İ", "tt"],
        lambda text, kwargs: unicodedata.normalize("NFC", text),
    ),
    Kind(
        "length_constraints:number_words",
        "word_count",
        list(relations(range(1, 16), "num_words")),
        ["one", "two's", "three-fold", "4.5", "5:30", "U.S.A.", "_six_", "a/b", "well—so", "12,5"],
        joined_words,
    ),
    Kind(
        "length_constraints:number_paragraphs",
        "part_count",
        [({"n": n}, {"num_paragraphs": n}) for n in range(1, 6)],
        ["\n***\n", "\n\n***\n\n", "***", "One.", "Two.", "***bold***", "****", "\n *** \n", "?!"],
        starred_parts,
    ),
    Kind(
        "length_constraints:nth_paragraph_first_word",
        "paragraph_opening",
        [
            ({"n": n, "place": place, "word": word}, {"num_paragraphs": n, "nth_paragraph": place, "first_word": word})
            for n in (1, 2, 3)
            for place in range(1, n + 1)
            for word in ("today", "often")
        ],
        ["Today", "today,", "**Today**", "today's", "Today:", "“Today”", "often", "Often!", "\n\n", "\n \n", "to-day"],
        first_words,
    ),
    Kind(
        "detectable_content:number_placeholders",
        "placeholders",
        [({"n": n}, {"num_placeholders": n}) for n in range(1, 5)],
        ["[name]", "[the date]", "[1]", "[x]", "[ ]", "[link](http://a.b)", "[a [nested] one]", "[two\nlines]", "[]"],
        placeholders,
    ),
    Kind(
        "detectable_content:postscript",
        "postscript",
        [({"marker": marker}, {"postscript_marker": marker}) for marker in ("P.S.", "P.P.S")],
        [
            "\nP.P.S. Bye.",
            "\nP. P. S Bye",
            "\n**P.P.S** Bye.",
            "P.P.S",
            "P.P.S. Bye",
            "P.S.",
            "P. S. Bye.",
            "p.s. bye",
            "**P.S.** Bye.",
            "\n\nP.S. Bye.",
            "PS: Bye",
            "(P.S. Bye)",
            "\nP.S. Bye",
        ],
        at_the_end,
    ),
    Kind(
        "detectable_format:number_bullet_lists",
        "bullet_count",
        [({"n": n}, {"num_bullets": n}) for n in range(7)],
        ["\n- a", "\n* b", "\n  - c", "\n-d", "\n*e* f", "\n**g** h", "\n+ i", "\n• j", "\n---", "\n* * *", "\n-"],
        bullets,
    ),
    Kind(
        "detectable_format:constrained_response",
        "one_of",
        [({"options": OPTIONS}, {})],
        [*OPTIONS, "My answer is **no.**", "My answer\nis yes.", "my answer is no.", "My answer is no"],
        one_option,
    ),
    Kind(
        "detectable_format:number_highlighted_sections",
        "highlights",
        [({"n": n}, {"num_highlights": n}) for n in range(1, 6)],
        ["*a*", "**b c**", "***d***", "* e *", "2*3*4", "**", "*f", "*?*", "* g\n* h", "*two\nlines*", "**i *j* k**"],
        highlights,
    ),
    Kind(
        "detectable_format:multiple_sections",
        "section_count",
        [
            ({"label": label, "n": n}, {"section_spliter": label, "num_sections": n})
            for label in ("Section", "PART")
            for n in (1, 2, 3)
        ],
        [
            *("\nSection 1\nOne.", "\nSection 2: two", "\n## Section 3\nThree.", "\n**Section 1**\none", "PART 1 a"),
            *("see Section 2", "\nsection 1\na", "\nSection 2\n", "\nSection1\na", "\nPART 1\na", "\nPART 2 b"),
        ],
        numbered_sections,
    ),
    Kind(
        "detectable_format:json_format",
        "json_object",
        [({"keys": keys}, {}) for keys in (["a"], ["a", "b"])],
        [
            *('{"a": 1}', '{"a": ""}', '{"a": " "}', '{"a": null}', '{"a": []}', '{"b": "x", "a": [1]}', '{"a": {}}'),
            *('{"a": 1, "a": 2}', '```json\n{"a": 1}\n```', '```\n{"a": 1, "b": 2}\n```', "{'a': 1}", "[1]", '"a"'),
            *('{"a": NaN}', "7", "```json\n[1]\n```", '{"a": 0}', '{"a": false, "b": "y"}', "```Json\n{}\n```"),
        ],
        object_of_keys,
    ),
    Kind(
        "detectable_format:title",
        "title",
        [({}, {})],
        ["<<A title>>", "<<>>", "<< >>", "# <<Head>>", "**<<Bold>>**", "<One>", "<<two\nlines>>", "<<a<b>>", "<<!?>>"],
        title_first,
    ),
    Kind(
        "combination:two_responses",
        "two_answers",
        [({}, {})],
        ["\n******\n", "\n\n******\n\n", "******", "One.", "Two.", "one", "*******", "\n ****** \n", "?!", "One!"],
        two_answers,
    ),
    Kind(
        "combination:repeat_prompt",
        "request_first",
        [({"request": REQUEST}, {"prompt_to_repeat": REQUEST})],
        [REQUEST, f'"{REQUEST}"', f"**{REQUEST}**", REQUEST.lower(), "How do I\ncook rice?", f"> {REQUEST}"],
        request_first,
    ),
    Kind(
        "startend:end_checker",
        "ends_with",
        [({"phrase": ENDING}, {"end_phrase": ENDING})],
        [ENDING, f"*{ENDING}*", ENDING.lower(), f'"{ENDING}"', f"x{ENDING}", f"_{ENDING}_", ENDING[:-1]],
        exact_ending,
    ),
    Kind(
        "change_case:capital_word_frequency",
        "capital_words",
        list(relations(range(1, 10), "capital_frequency", "capital_relation")),
        ["HOME", "I", "A", "DON'T", "DON’T", "AND/OR", "U.S.", "3D", "B2B", "WE—ALL", "_BIG_", "X-RAY", "ÉT"],
        without_lone_letters,
    ),
    Kind(
        "change_case:english_capital",
        "upper_case",
        [({}, {})],
        ["HOME", "ÉTÉ", "5", "ª", "Nº", "ß", "ǅ", "…", "Ⅳ", "I", "OK.", "ẞ"],
        no_ordinals,
    ),
    Kind(
        "change_case:english_lowercase",
        "lower_case",
        [({}, {})],
        ["home", "été", "5", "ª", "nº", "ß", "ǅ", "…", "Ⅳ", "i", "ok.", "HOME"],
    ),
    Kind(
        "punctuation:no_comma",
        "no_characters",
        [({"characters": load_taxonomy()["style/no_commas"].kwargs["characters"], "name": "commas"}, {})],
        ["a; b", "、", "，", "،", ",", "1,5", "ok"],
        wide_commas,
    ),
    Kind(
        "startend:quotation",
        "wrapped_in_quotes",
        [({}, {})],
        ['"', '"Go,"', "she said.", "“Yes.”", '"Yes."', "« Oui. »", "„Ja.“", '""', "'No.'", '"?"', 'the "old" dog'],
        one_quotation,
    ),
]
ANY_JSON = Kind(
    "detectable_format:json_format",
    "json_matching",
    [({"schema": {}}, {})],
    next(kind for kind in KINDS if kind.check == "json_object").bits,
    strict_json,
)
PLAIN = ["The old dog walks home.", "Did she really go?", "Look at that!", "It rained again.", "Nobody knew why."]
SENTENCES = Kind(
    "length_constraints:number_sentences",
    "sentence_count",
    list(relations(range(1, 9), "num_sentences")),
)
PROSE = {
    "en": ("The children walked slowly along the river.", "Nobody had told them about the old bridge."),
    "fr": ("Les enfants marchaient lentement le long de la rivière.", "Personne ne leur avait parlé du vieux pont."),
    "de": ("Die Kinder gingen langsam am Fluss entlang.", "Niemand hatte ihnen von der alten Brücke erzählt."),
    "es": ("Los niños caminaban despacio junto al río.", "Nadie les había hablado del puente viejo."),
    "it": ("I bambini camminavano lentamente lungo il fiume.", "Nessuno aveva parlato loro del vecchio ponte."),
    "pt": ("As crianças caminhavam devagar ao longo do rio.", "Ninguém lhes tinha falado da ponte velha."),
}
LANGUAGES = {"English": "en", "French": "fr", "German": "de", "Spanish": "es", "Italian": "it", "Portuguese": "pt"}
LANGUAGE = Kind(
    "language:response_language",
    "language",
    [({"language": name}, {"language": code}) for name, code in LANGUAGES.items()],
)
