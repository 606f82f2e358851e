"""A dull answer that meets whatever requirements may be in force together.

Each operation that code checks has its part here: a line or a word that meets it and that no other minds.
"""

import json

from ecd_data.requirements.text import sentences
from ecd_data.requirements.text import words as words_of

SENTENCES = {  # a long one and a short one
    "French": ("Le vieux chien rentre lentement chez lui avec nous", "Le chien dort"),
    "German": ("Der alte Hund geht langsam mit uns nach Hause", "Der Hund geht"),
    "Spanish": ("El perro viejo camina despacio hacia nuestra casa", "El perro duerme"),
    "Italian": ("Il vecchio cane torna lentamente a casa con noi", "Il cane dorme"),
    "Portuguese": ("O cachorro velho caminha devagar para a nossa casa com eles", "O cachorro dorme"),
}
# Short, all different, and none that an operation asks for or forbids.
FILLER = [a + b + c for a in "bdglnvzkpr" for b in "aeou" for c in "bdkmpxlz"]
FILLER = [word for word in FILLER if len(sentences(f"go {word}. go on.")) == 2]  # no abbreviations


NL = "\n\n"
REQUEST = "I can't find my 2 ants, can I? Tell me THE truth about how ants really live and what people say of them!"


def length(words):
    return len(words_of(" ".join(words)))


class Answer:
    """A dull answer that meets all of the requirements."""

    def __init__(self, requirements):
        self.kwargs = {requirement.id: requirement.kwargs for requirement in requirements}
        self.filler = iter(FILLER * 10)
        self.short = bool({"format/word_count_at_most", "format/character_count_at_most"} & set(self.kwargs))

    def get(self, id_, name="n", default=0):
        """Return a parameter of an operation that is in force, else the default."""
        return self.kwargs[id_][name] if id_ in self.kwargs else default

    def text(self):
        if "format/code_block" in self.kwargs:
            return "```python\nx = 1\n```"
        if "format/json_object" in self.kwargs:
            return json.dumps(dict.fromkeys(self.get("format/json_object", "keys"), "a dog"))
        if "format/json_schema" in self.kwargs:
            properties = self.get("format/json_schema", "schema")["properties"]
            return json.dumps({name: self.value(schema) for name, schema in properties.items()})
        if "format/yaml_mapping" in self.kwargs:
            return "\n".join(f"{key}: a dog" for key in self.get("format/yaml_mapping", "keys"))
        if "format/csv" in self.kwargs:
            columns, n = self.kwargs["format/csv"].values()
            return "\n".join([",".join(columns)] + [",".join("dog" for _ in columns)] * n)
        text = self.lines() if {"format/line_count", "format/acrostic"} & set(self.kwargs) else self.prose()
        text = text.lower() if "style/lower_case" in self.kwargs else text
        text = text.upper() if "style/upper_case" in self.kwargs else text
        if "format/wrapped_in_tag" in self.kwargs:
            tag = self.get("format/wrapped_in_tag", "tag")
            return f"<{tag}>{text}</{tag}>"
        return f'"{text}"' if "format/quotation_marks" in self.kwargs else text

    def value(self, schema):
        if "enum" in schema:
            return schema["enum"][0]
        if schema["type"] == "array":
            return ["a dog"] * schema["minItems"]
        return {"string": "a dog", "integer": 3, "boolean": True}[schema["type"]]

    def inside(self):
        """Return words that have to stand in some sentence; those in one string stay together."""
        n, get = self.get, self.get
        items = [
            " ".join(get(id_, "keywords"))
            for id_ in ("content/ordered_mentions", "reasoning/sequence_words")
            if get(id_, "keywords")
        ]
        items += [f"{get('content/letter_at_least', 'letter')}o" * n("content/letter_at_least")]
        items += ["DAB"] * n("style/capital_words")
        items += ["if bab then"] if "reasoning/condition" in self.kwargs else []
        items += [get("content/quoted_phrase", "phrase")] if "content/quoted_phrase" in self.kwargs else []
        items += get("content/include_keywords", "keywords", [])
        items += [get("content/keyword_frequency", "keyword")] * n("content/keyword_frequency")
        items += ["because"] * n("reasoning/because")
        items += [f"{get('style/alliteration', 'letter')}{vowel}xo" for vowel in "aeiouy"[: n("style/alliteration")]]
        items += ["level"] if "content/palindrome" in self.kwargs else []
        items += ["7"] * n("content/number_in_digits")
        items += ["2026-05-01"] if "content/iso_date" in self.kwargs else []
        items += ["5 km"] if "content/metric_units" in self.kwargs else []
        items += ["25%"] if "content/percentage" in self.kwargs else []
        items += [f"*{next(self.filler)}*" for _ in range(n("format/highlighted_sections"))]
        items += ["[name]"] * n("format/placeholders")
        items += [f"({next(self.filler)})" for _ in range(n("style/parentheses"))]
        items += [f"{next(self.filler)};" for _ in range(n("style/semicolon"))]
        return [item for item in items + ["🙂"] * n("style/emoji") if item]

    def sentences(self, count):
        """Return so many sentences that share what has to stand inside, the shortest first served."""
        language = self.get("style/language", "language")
        least = self.get("style/sentence_length_at_least", default=2)
        # Long ones leave no doubt about the language, where the answer may be long.
        result = [
            SENTENCES[language][i > 0 if self.short else i % 2].split() if language else [] for i in range(count)
        ]
        if "content/word_in_sentence" in self.kwargs:
            result[self.get("content/word_in_sentence") - 1].append(self.get("content/word_in_sentence", "keyword"))
        for item in sorted(self.inside(), key=lambda item: -len(item.split())):
            min(result, key=length).insert(0, item)
        questions = self.get("breadth/questions")
        varied = "style/varied_openings" in self.kwargs
        for i, words in enumerate(result):
            while length(words) < least or (varied and words[0] not in FILLER):
                words.insert(0, next(self.filler))
            words[-1] += "?" if i < questions else "."
        return [" ".join(words) for words in result]

    def lines(self):
        word = self.get("format/acrostic", "word") or ""
        count = self.get("format/line_count") or len(word)
        result = self.sentences(max(count, 1))
        return "\n".join(f"{word[i : i + 1]}{next(self.filler)} {sentence}" for i, sentence in enumerate(result))

    def prose(self):
        n = self.get
        paragraphs = n("format/paragraph_count_exactly") or n("format/paragraph_opening", default=1)
        count = max(n("format/sentence_count_exactly"), n("format/sentence_count_at_least"), paragraphs)
        if "format/sentence_count_exactly" not in self.kwargs:
            if {"format/table", "style/language"} <= set(self.kwargs) and not self.short:
                count = max(count, 4)  # the names of the columns are English
            count = max(count, 2 - ("content/end_phrase" in self.kwargs), n("content/word_in_sentence"))
            count = max(
                count,
                n("breadth/questions"),
                -(-n("format/word_count_at_least") // n("style/sentence_length_at_least", default=2)),
            )
            count -= {"style/closing_question", "format/sentence_count_at_most"} <= set(self.kwargs)
        sentences = self.sentences(count)
        if "content/start_phrase" in self.kwargs:
            sentences[0] = f"{n('content/start_phrase', 'phrase')}: {sentences[0]}"
        blocks = [*sentences[: paragraphs - 1], " ".join(sentences[paragraphs - 1 :])]
        if "format/paragraph_opening" in self.kwargs:
            place = n("format/paragraph_opening", "place") - 1
            blocks[place] = f"{n('format/paragraph_opening', 'word')} {blocks[place]}"
        if "format/title" in self.kwargs:
            blocks[0] = f"<<Home>>\n{blocks[0]}"
        blocks = [f"## Home\n\n{block}" for block in blocks] if n("format/headings") else blocks
        blocks += ["## Away"] * (n("format/headings") - 1)
        headings = [f"{n('format/sections', 'label')} {i + 1}" for i in range(n("format/sections"))]
        blocks = [*headings[:1], *blocks, *(f"{heading}\nGo on." for heading in headings[1:])]
        blocks[:0] = [n("content/request_first", "request")] if "content/request_first" in self.kwargs else []
        text = "\n\n".join([*blocks, *self.behind()])
        ending = n("content/end_phrase", "phrase") or (
            "Why dab dob dib deb gib geb gub?" if "style/closing_question" in self.kwargs else ""
        )
        return f"{text}{NL if self.behind() else ' '}{ending}" if ending else text

    def behind(self):
        """Return the blocks that follow the sentences."""
        n = self.get
        blocks = ["\n".join(["- Go."] * n("format/bullet_count") + ["- [ ] Go."] * n("format/checklist"))]
        blocks += ["\n".join(f"{i + 1}. Go." for i in range(n("reasoning/numbered_steps")))]
        if "format/table" in self.kwargs:
            columns = n("format/table", "columns")
            rows = [columns, ["---"] * len(columns), *[["go"] * len(columns)] * n("format/table")]
            blocks += ["\n".join("| " + " | ".join(row) + " |" for row in rows)]
        blocks += ["---"] * n("format/dividers") + ["***\n\nGo on."] * (n("format/starred_parts", default=1) - 1)
        blocks += ["******\n\nGo on."] if "format/two_answers" in self.kwargs else []
        for id_ in ("reasoning/certainty", "reasoning/verdict"):
            blocks += [n(id_, "options")[0]] if id_ in self.kwargs else []
        blocks += ["> Go on."] if "format/block_quote" in self.kwargs else []
        for id_ in ("reasoning/pro_and_con", "breadth/options"):
            blocks += ["\n".join(f"{label} go on." for label in n(id_, "labels", []))]
        blocks += ["Q: Go on.\nA: Go."] * n("breadth/question_and_answer")
        blocks += ["Example: apples."] if "breadth/example_line" in self.kwargs else []
        blocks += ["P.S. Go."] if "format/postscript" in self.kwargs else []
        blocks += ["Answer: go."] if "reasoning/answer_line" in self.kwargs else []
        blocks += ["Summary: go."] if "reasoning/summary_line" in self.kwargs else []
        blocks += ["Confidence: 80%"] if "reasoning/confidence" in self.kwargs else []
        blocks += (
            ["See also: " + ", ".join(["dogs"] * n("breadth/see_also"))] if "breadth/see_also" in self.kwargs else []
        )
        return [block for block in blocks if block]
