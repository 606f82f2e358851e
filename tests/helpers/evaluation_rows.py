"""Rows of an ECD dataset and in IFEval's format, to evaluate on."""

import json

ROWS = [
    {
        "id": f"s{seed}-r{round}",
        "seed_id": f"s{seed}",
        "prompt": [{"role": "user", "content": f"Name fruit {seed}. No commas." + " In capitals." * (round - 1)}],
        "requirements": [
            {
                "id": "style/no_commas",
                "text": "No commas.",
                "kwargs": json.dumps({"characters": ",", "name": "commas"}),
                "check": "code",
                "round": 1,
            },
            {"id": "style/upper_case", "text": "In capitals.", "kwargs": "{}", "check": "code", "round": 2},
        ][:round],
    }
    for seed in range(4)
    for round in (1, 2)
]
JUDGED = {"id": "style/humour", "text": "Be funny.", "kwargs": "{}", "check": "judge", "round": 1}
IFEVAL = [
    {"key": 1, "prompt": "No commas.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]},
    {
        "key": 2,
        "prompt": "A title and at most 4 words.",
        "instruction_id_list": ["detectable_format:title", "length_constraints:number_words"],
        "kwargs": [{}, {"relation": "less than", "num_words": 5, "letter": None}],
    },
]
COLUMNS = ["id", "seed_id", "prompt", "requirements"]
