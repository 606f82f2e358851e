"""RLCD preference data as a `datasets` builder. One row of `preference` (shortened); the prompt has no affix:

{"id": "5f0c...-r1", "prompt": [{"role": "user", "content": "How do I plan a quiet Sunday?"}],
 "chosen": [...], "rejected": [...], "operation": "rlcd/concise", "adapted_by": "positive", "gap": 1, ...}
"""

from ecd_data.builders.base import Builder
from ecd_data.methods.rlcd import RLCD


class Rlcd(Builder):
    """Rows of Reinforcement Learning from Contrastive Distillation."""

    METHOD = RLCD
