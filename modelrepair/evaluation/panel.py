"""What a model is measured with: sets, template, judge, and the tokens of its answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelrepair.examples.batches import canonical_batches
from modelrepair.examples.load import Example
from modelrepair.examples.splits import Part, Splits
from modelrepair.examples.template import Template
from modelrepair.plugin.judge import Judge
from modelrepair.plugin.names import MeasuredSet
from modelrepair.plugin.repairer import Batch, TokenizedExample


@dataclass(frozen=True)
class Panel:
    """What a model is measured with: prompts, judge and limits; the same for every model.

    Args:
        splits: all example sets, cut.
        template: how prompts and answers become tokens.
        judge: calls answers harmful, refusals or harmless.
        max_new_tokens: where an answer is cut off.
        token_budget: of the teacher-forced batches.
        generates: whether models answer at all; where they don't fit into memory whole, only
            teacher-forced figures are taken.
        max_thought_tokens: where a thought before an answer is cut off.
    """

    splits: Splits
    template: Template
    judge: Judge
    max_new_tokens: int
    token_budget: int
    generates: bool = True
    max_thought_tokens: int = 1024

    def prompts(self, part: Part) -> dict[MeasuredSet, tuple[Example, ...]]:
        """The measured examples of a part: the harmful family's prompts, utility, borderline."""
        measured: dict[MeasuredSet, tuple[Example, ...]] = {"harmful": self.splits.harmful(part)}
        if "utility" in self.splits:
            measured["utility"] = self.splits["utility"].part(part)
        if "borderline" in self.splits:
            measured["borderline"] = self.splits["borderline"].part(part)
        return measured


def tokenize(panel: Panel, examples: Iterable[Example]) -> list[Batch]:
    """The examples that have answers, as canonical batches; what does not fit is left out."""
    answered = [example for example in examples if example.response is not None]
    return batches_of(panel, panel.template.pairs(answered).examples)


def batches_of(panel: Panel, tokenized: Sequence[TokenizedExample]) -> list[Batch]:
    """Canonical batches under the panel's token budget."""
    return canonical_batches(tokenized, panel.token_budget, panel.template.pad_id)
