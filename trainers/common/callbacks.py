"""What happens along a training: it stops at a loss that is not finite, and shows its progress on one line."""

import math
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tqdm.auto import tqdm
from transformers import ProgressCallback, TrainerCallback

from ecd_data.trainers.common.arguments import TrainingError

# The metrics on the progress line, and their names there: accuracy is how often chosen beats rejected.
SHOWN = {"loss": "loss", "rewards/accuracies": "reward accuracy"}
PLAIN_SECONDS = 10.0  # between two lines without a terminal


class StopAtNonFiniteLoss(TrainerCallback):
    """Raise when a logged loss is not finite; each checkpoint is preceded by a log, so none has such a loss.

    Raises:
        TrainingError: The loss is infinite or not a number.
    """

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        args.logging_nan_inf_filter = False  # which logs the mean of earlier losses in place of one that is not finite

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_log |= control.should_save

    on_epoch_end = on_step_end

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, float], **_: Any) -> None:
        loss = logs.get("loss", logs.get("train_loss", 0.0))
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} at step {state.global_step}: lower --learning_rate (it is "
                f"{args.learning_rate:g}), keep --dtype float32, and prefer --bf16 to --fp16"
            )


class ProgressLine(ProgressCallback):
    """Show steps, loss, accuracy and the time left on one line; without a terminal, print a line every ten seconds.

    All metrics are in `trainer_state.json`, and those before and after the training in the model card.
    """

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.first_step = self.current_step = state.global_step
        self.started = self.printed = time.monotonic()
        if state.is_world_process_zero:
            plain = args.disable_tqdm or not sys.stderr.isatty()
            steps = {"total": state.max_steps, "initial": state.global_step, "unit": "step"}
            self.training_bar = tqdm(desc="training", dynamic_ncols=True, disable=plain, **steps)

    def on_prediction_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Show no second line for an evaluation."""

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, float], **_: Any) -> None:
        if self.training_bar is None or "loss" not in logs:
            return
        metrics = {name: f"{logs[key]:.4g}" for key, name in SHOWN.items() if key in logs}
        self.training_bar.set_postfix(metrics)
        step, now = state.global_step, time.monotonic()
        if self.training_bar.disable and now - self.printed >= PLAIN_SECONDS:
            self.printed = now
            left = timedelta(seconds=round((now - self.started) * (state.max_steps - step) / (step - self.first_step)))
            values = "".join(f"{name} {value}, " for name, value in metrics.items())
            print(f"training: {step}/{state.max_steps}, {values}ETA {left}", file=sys.stderr, flush=True)
