"""The price of tokens."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Price:
    """The price of a million tokens, of prompts and of completions, in any currency."""

    prompt: float
    completion: float

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return the price of these numbers of tokens."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6
