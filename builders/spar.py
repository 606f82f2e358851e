"""SPaR preference data as a `datasets` builder. One row of `preference` (shortened):

{"id": "5f0c...-r1", "prompt": [{"role": "user", "content": "Name three fruits. Do not use any commas. ..."}],
 "chosen": [...], "rejected": [...], "requirements": [{"id": "style/no_commas", ...}, ...],
 "chosen_met": [true, true], "rejected_met": [false, true], "operation": "spar/refined", "adapted_by": "refined",
 "similarity": 0.97, ...}
"""

from ecd_data.builders.base import Builder
from ecd_data.methods.spar import SPAR


class Spar(Builder):
    """Rows of Self-Play with Tree-Search Refinement."""

    METHOD = SPAR
