"""ECD: each round makes the instruction harder; the old answer, which just misses that, is the rejected one.

    python -m ecd_data.publish YOU/ecd --seeds seeds.jsonl --endpoint http://localhost:8080

Evolutionary Contrastive Distillation (Katz-Samuels et al., arXiv 2410.07513). `round.py` is the method in four steps;
`chain.py` runs a seed's rounds one after the other.
"""

from ecd_data.methods.ecd.chain import run_chain
from ecd_data.methods.ecd.options import Options, models
from ecd_data.methods.method import Method

ECD = Method("ecd", "Evolutionary Contrastive Distillation", "2410.07513", Options, run_chain, models, evolves=True)
