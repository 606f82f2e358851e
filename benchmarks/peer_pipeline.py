"""What `peer.py` runs in distilabel's own environment: answers to prompts, and answers to these.

python peer_pipeline.py URL PROMPTS.json BATCH
"""

import json
import sys
from pathlib import Path

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration


def main() -> None:
    """Print the number of generations."""
    url, prompts, batch = sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), int(sys.argv[3])
    sampling = {"max_new_tokens": 256, "temperature": 0.7, "top_p": 0.9}

    def model() -> OpenAILLM:
        return OpenAILLM(model="tgi", base_url=f"{url}/v1", api_key="unused", generation_kwargs=sampling)

    with Pipeline(name="two-calls") as pipeline:
        load = LoadDataFromDicts(data=[{"instruction": prompt} for prompt in prompts], batch_size=batch)
        first = TextGeneration(
            name="first", llm=model(), input_batch_size=batch, output_mappings={"generation": "answer"}
        )
        second = TextGeneration(
            name="second", llm=model(), input_batch_size=batch, input_mappings={"instruction": "answer"}
        )
        load >> first >> second
    made = pipeline.run(use_cache=False)["default"]["train"]
    print(sum(row["answer"] is not None for row in made) + sum(row["generation"] is not None for row in made))


if __name__ == "__main__":
    main()
