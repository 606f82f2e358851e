from hypothesis import given
from hypothesis import strategies as st

from ecd_data.core.word_diff import differences
from ecd_data.reporting.chains import compute_marks

WORDS = st.sampled_from(["a", "b", "c", "B,", "long", "\n", " ", "\n\n- ", "ünï", "😀", "\ud800"])
TEXTS = st.lists(WORDS, max_size=40).map("".join)


def pairs(contents):
    return {pair["id"]: pair for chain in contents.chains["chains"] for pair in chain["pairs"]}


def test_every_round_of_the_build_is_there(rows, contents):
    rejects = [reject["id"] for chain in contents.chains["chains"] for reject in chain["rejects"]]
    assert sorted(pairs(contents)) == sorted(row["id"] for row in rows["preference"])
    assert sorted(rejects) == sorted(row["id"] for row in rows["rejects"])
    assert contents.summary["shown"] == contents.summary["counts"]["rounds"] == len(rows["preference"]) + len(rejects)


def test_texts_and_verdicts_are_those_of_the_rows(rows, contents):
    texts = contents.chains["texts"]
    assert len(texts) == len(set(texts))
    for row in rows["preference"]:
        pair = pairs(contents)[row["id"]]
        assert texts[pair["instruction"]["text"]] == row["prompt"][0]["content"]
        for side in ("chosen", "rejected"):
            assert texts[pair[side]["text"]] == row[side][0]["content"]
            assert pair[side]["met"] == row[f"{side}_met"]
            assert pair[side]["votes"] == row[f"{side}_votes"]
        requirements = [contents.chains["requirements"][number] for number in pair["requirements"]]
        assert [texts[requirement["text"]] for requirement in requirements] == [r["text"] for r in row["requirements"]]


@given(TEXTS, TEXTS)
def test_marks_give_the_words_that_the_other_text_lacks(old, new):
    for text, marks, parts in zip((old, new), compute_marks(old, new), differences(old, new), strict=True):
        assert marked_pieces(text, marks) == [part.text for part in parts if part.differs]


def marked_pieces(text, marks):
    """Every other piece of a text, as the page cuts it."""
    units, pieces = text.encode("utf-16-le", "surrogatepass"), []
    for length in (*marks, len(units)):
        pieces.append(units[: 2 * length].decode("utf-16-le", "surrogatepass"))
        units = units[2 * length :]
    return pieces[1::2]


def test_equal_texts_have_no_marks_and_unlike_ones_are_marked_whole():
    assert compute_marks("a b", "a b") == ([], [])
    assert compute_marks("a b", "c") == ([0], [0])
    assert compute_marks("a b", "a c.") == ([2], [2])
    assert compute_marks("", "a") == ([], [0])
