"""Where answers come from: a model in this process, or whatever else answers the same prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from modelrepair.engine.positions import reach_of
from modelrepair.evaluation.batch_rows import rows_together
from modelrepair.evaluation.generation import Answer, end_ids, generate
from modelrepair.evaluation.thinking import Asking, room_of
from modelrepair.examples.example import Example
from modelrepair.progress import Progress

if TYPE_CHECKING:
    from modelrepair.evaluation.panel import Panel


class AnswerSource(Protocol):
    """Answers the prompts of examples, each as the panel's template renders it."""

    def answers(
        self, panel: Panel, examples: Sequence[Example], progress: Progress
    ) -> list[Answer]:
        """One answer a prompt, in the order of ``examples``.

        Args:
            panel: the template that renders the prompts, and how long answers may be.
            examples: whose prompts are answered; their responses are not looked at.
            progress: where the work is shown, an example at a time.
        """
        ...


@dataclass(frozen=True)
class LocalModel:
    """A model in this process, whole and with its weights.

    Args:
        model: any transformers causal language model.
    """

    model: Any

    def answers(
        self, panel: Panel, examples: Sequence[Example], progress: Progress
    ) -> list[Answer]:
        """Greedy answers; see `modelrepair.evaluation.generation.generate`."""
        if not examples:
            return []
        model, template = self.model, panel.template
        return generate(
            model,
            Asking(template),
            examples,
            eos_ids=end_ids(model, template.tokenizer, template.end_ids),
            pad_id=template.pad_id,
            max_new_tokens=panel.max_new_tokens,
            batch_rows=_rows(panel, model, examples),
            thinking=room_of(template, panel.max_new_tokens, panel.max_thought_tokens),
            context=reach_of(model),
            progress=progress,
        )


def _rows(panel: Panel, model: Any, examples: Sequence[Example]) -> int:
    """How many prompts are answered together."""
    config = model.config.get_text_config()
    longest = max(len(panel.template.asked_ids(example)) for example in examples)
    # A model whose template names no thoughts is not expected to need room for them.
    said = panel.max_new_tokens + bool(panel.template.thoughts.marks) * panel.max_thought_tokens
    blocks, hidden = config.num_hidden_layers, config.hidden_size
    return rows_together(blocks, hidden, model.dtype.itemsize, longest + said)
