"""How scripts are run: their help, and what they say when memory runs out."""

import re
from pathlib import Path
from types import ModuleType

import pytest
import torch

from ecd_data.trainers import curriculum, dpo, infopo, mixture, pad, sft, slic
from ecd_data.trainers.common.arguments import TrainingError
from ecd_data.trainers.common.script import readable_errors, run


@pytest.mark.parametrize("script", [dpo, sft, slic, infopo, curriculum, mixture, pad])
def test_help_names_the_flags_of_the_docstring(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run(script.main, ["--help"])
    assert end.value.code == 0
    help_text = capsys.readouterr().out
    named = set(re.findall(r"--[a-z_]+", script.__doc__)) - {"--pairs", "--config"}  # `generate`'s, the parser's
    assert {flag for flag in named if flag not in help_text} == set()


def test_the_scripts_are_all_that_lies_beside_common() -> None:
    folder = Path(dpo.__file__).parent
    scripts = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert scripts == {"curriculum", "dpo", "infopo", "mixture", "pad", "sft", "slic"}


def test_memory_that_runs_out_is_explained(tmp_path: Path) -> None:
    from trl import DPOConfig

    args = DPOConfig(output_dir=str(tmp_path), per_device_train_batch_size=6, max_length=77, use_cpu=True, bf16=False)

    def on_a_gpu() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    for too_much in (lambda: torch.empty(1 << 50), lambda: bytearray(1 << 60), on_a_gpu):
        with (
            pytest.raises(TrainingError, match=r"out of memory .*batch_size \(it is 6\).*max_length \(it is 77\)"),
            readable_errors(args),
        ):
            too_much()
    with pytest.raises(RuntimeError, match="^something else$"), readable_errors(args):
        raise RuntimeError("something else")
