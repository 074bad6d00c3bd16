"""Let a bfloat16 copy of the policy write the attempts of a step, while float32 weights are trained.

To write a token, the whole model is read from memory. A copy with half the bytes writes twice as fast on a CPU. The
copy's probabilities differ from the policy's by rounding alone, as they do if vLLM writes the attempts.
"""

import copy
from typing import Any

import torch


class WritesInBfloat16:
    """A TRL trainer whose attempts are written by a bfloat16 copy of the policy if its `autocast` is set."""

    autocast = False
    model_wrapped: Any
    _writer: Any = None

    def _generate_single_turn(self, *args: Any, **settings: Any) -> Any:
        if not self.autocast:
            return super()._generate_single_turn(*args, **settings)  # type: ignore[misc]
        # TRL writes with the model of this name. Its other uses of the name are outside this method.
        policy = self.model_wrapped
        self.model_wrapped = self._updated_writer(policy)
        try:
            return super()._generate_single_turn(*args, **settings)  # type: ignore[misc]
        finally:
            self.model_wrapped = policy

    def _updated_writer(self, policy: Any) -> Any:
        """The copy, with the weights that the policy has now."""
        trained = self.accelerator.unwrap_model(policy)  # type: ignore[attr-defined]
        if self._writer is None:
            self._writer = copy.deepcopy(trained).to(torch.bfloat16).requires_grad_(False)
            for module in self._writer.modules():
                # Accelerate and TRL put wrappers here, which would call the policy and not its copy.
                vars(module).pop("forward", None)
        with torch.no_grad():
            for mine, its in zip(self._writer.parameters(), trained.parameters(), strict=True):
                mine.copy_(its)
        return self._writer
