"""Pairs by strength as a `datasets` builder. One row of `preference` (shortened); `gap` is the distance in rank:

{"id": "5f0c...-r3-g2", "prompt": [{"role": "user", "content": "Name a fruit."}], "chosen": [...],
 "rejected": [...], "operation": "strength/strong-weak", "gap": 2, "adapted_by": "strong",
 "model": "org/strong@sha", "rejected_model": "org/weak@sha", ...}
"""

from collections.abc import Mapping
from typing import ClassVar

from datasets import Features

from ecd_data.builders.base import Builder
from ecd_data.builders.rows import FEATURES, TEXT, Row, chain_rows
from ecd_data.core.values import Chain
from ecd_data.methods.strength import STRENGTH


class Strength(Builder):
    """Rows of pairs by strength: each names the model of its rejected answer too."""

    METHOD = STRENGTH
    FEATURES: ClassVar = {
        **FEATURES,
        "preference": Features({**FEATURES["preference"], "rejected_model": TEXT}),
    }

    @staticmethod
    def rows(chain: Chain, models: Mapping[str, str]) -> dict[str, list[Row]]:
        """Return the rows of one chain, per config, given the models by the names in the chain."""
        rows = chain_rows(chain, models)
        for row, pair in zip(rows["preference"], chain.pairs, strict=True):
            row["rejected_model"] = models[pair.rejected_model_name]
        return rows
