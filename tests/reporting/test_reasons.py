import json

from ecd_data.reporting.reasons import JudgeVotes, pair_reasons


def test_every_verdict_has_its_reason(rows, contents):
    texts, checked = contents.chains["texts"], set()
    pairs = {pair["id"]: pair for chain in contents.chains["chains"] for pair in chain["pairs"]}
    for row in rows["preference"]:
        for side in ("chosen", "rejected"):
            for number, requirement in zip(pairs[row["id"]][side]["reasons"], row["requirements"], strict=True):
                checked.add((side, requirement["check"]))
                reason = texts[number]
                assert (reason == "looked for it") == (requirement["check"] == "judge")
                assert reason
                assert "disagrees" not in reason
    assert len(checked) == 4  # by code and by a judge, on both sides


def reasons(build, requirement, met):
    kwargs = {"characters": ",", "name": "commas"}
    row = {"text": "", "kwargs": json.dumps(kwargs), "check": "code", "round": 1, **requirement}
    pair = {
        "seed_id": "5f0c",
        "round": 1,
        "gap": 1,
        "chosen": [{"content": "One, two."}],
        "rejected": [{"content": "One, two, three."}],
        "requirements": [row],
        "chosen_met": [met],
        "rejected_met": [False],
    }
    return pair_reasons(pair, [], JudgeVotes(build, set(), 1))


def test_a_verdict_that_the_check_does_not_confirm_is_named(build):
    both = reasons(build, {"id": "style/no_commas"}, met=True)
    assert both == {"chosen": ["the check of this version disagrees: 1 commas"], "rejected": ["2 commas"]}


def test_a_requirement_of_another_version_and_a_vote_that_is_not_stored_have_no_reason(build):
    assert reasons(build, {"id": "style/unheard_of"}, met=True) == {"chosen": [""], "rejected": [""]}
    assert reasons(build, {"id": "style/tone", "check": "judge"}, met=True) == {"chosen": [""], "rejected": [""]}
