"""The page compares words as the rest of the package does."""

import random
from importlib import resources

from ecd_data.core.word_diff import differences


def test_words_are_compared_as_in_python(browser):
    source = (resources.files("ecd_data.reporting") / "parts" / "differences.js").read_text()
    random_ = random.Random(7)
    words = ["a", "b", "c", "B,", "long", "\n", " ", "\n\n- ", "ünï", "😀"]
    texts = [
        "".join(random_.choice(words) + " " * random_.randrange(2) for _ in range(random_.randrange(40)))
        for _ in range(400)
    ]
    edges = [("", ""), ("", "a"), ("a  b", "a b"), ("a " * 6000, "b")]
    pairs = [*zip(texts[::2], texts[1::2], strict=True), *edges]
    tab = browser.new_page()
    found = tab.evaluate(f"pairs => {{ {source}; return pairs.map(([a, b]) => differences(a, b)) }}", pairs)
    tab.close()
    for (old, new), sides in zip(pairs, found, strict=True):
        assert [joined(side) for side in sides] == [joined(side) for side in differences(old, new)]


def joined(parts):
    """The parts, neighbours of one kind as one."""
    merged = []
    for text, differs in filter(any, parts):
        if merged and merged[-1][1] == differs:
            merged[-1] = (merged[-1][0] + text, differs)
        else:
            merged.append((text, differs))
    return merged
