from ecd_data.requirements.text import paragraphs, sentences, words


def test_words_keep_apostrophes_and_hyphens():
    assert words("Don't panic: it's 5-ish.") == ("Don't", "panic", "it's", "5-ish")


def test_headings_and_rules_are_no_sentences():
    assert sentences("## A title\n\nOne. Two!\n\n---\n") == ("One.", "Two!")


def test_blank_lines_separate_paragraphs_however_many():
    assert paragraphs("\n\na\n\n\nb\n") == ["a", "b"]
