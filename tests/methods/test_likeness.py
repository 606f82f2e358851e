from ecd_data.methods.likeness import similarity


def test_similarity_sees_small_edits_and_not_case():
    assert similarity("Red, green and blue.", "RED, GREEN AND BLUE.") == 1.0
    assert similarity("Red, green and blue.", "Red green and blue.") > 0.95
    assert similarity("Red, green and blue.", "The sea is wide") < 0.6
