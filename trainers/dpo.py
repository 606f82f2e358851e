"""Direct preference optimisation on an ECD dataset, with TRL; the model card names the exact data and settings.

    accelerate launch trainers/dpo.py --dataset_name org/ecd --model_name_or_path MODEL --output_dir out

`--dataset_name` is a dataset on the Hub or a build directory, `--config trainers/recipes/smol-cpu.yaml` (or
`gpu.yaml`) gives the settings, and the command line wins over it. Every other flag is TRL's own: `DPOConfig`,
`ModelConfig`. Among them: `--loss_type sigmoid|hinge|ipo|...` (hinge is SLiC in the form of DPO), `--use_peft` for
LoRA, `--resume_from_checkpoint out/checkpoint-100`, `--push_to_hub`. `--ties true` learns from the config `ties` too,
by the loss of trainers/common/ties.py.
"""

import sys

from trl import ModelConfig

from ecd_data.trainers.common.arguments import ScriptArguments, load_tokenizer
from ecd_data.trainers.common.card import PAIRS
from ecd_data.trainers.common.data import load_data
from ecd_data.trainers.common.script import run_script
from ecd_data.trainers.common.ties import PAIRS_AND_TIES, TieConfig, TieTrainer, add_ties
from ecd_data.trainers.common.trainer import PreferenceTrainer, make_trainer, print_result


def main(script_args: ScriptArguments, training_args: TieConfig, model_args: ModelConfig) -> None:
    """Train a model, evaluate it before and after, and save it with its card."""
    # Load the dataset
    tokenizer = load_tokenizer(model_args, training_args)
    data = load_data(script_args, training_args, tokenizer)
    trainer_class, kind = PreferenceTrainer, PAIRS
    if training_args.ties:
        data = add_ties(data, script_args, training_args, tokenizer)
        trainer_class, kind = TieTrainer, PAIRS_AND_TIES

    # Train the model
    trainer = make_trainer(trainer_class, data, tokenizer, training_args, model_args, kind)
    trainer.train(resume_from_checkpoint=training_args.resume_from_checkpoint)
    if data.evaluation is not None:
        trainer.evaluate()

    # Save it with its card; with --push_to_hub this uploads both
    trainer.save_model(training_args.output_dir)
    trainer.create_model_card()
    print_result(trainer)
    trainer.end()


if __name__ == "__main__":
    sys.exit(run_script(main))
