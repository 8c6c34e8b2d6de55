"""Values of the aligned model, put back where that turns harmful prompts' hidden states its way.

Yang et al., "Alleviating the fear of losing alignment in LLM fine-tuning", IEEE S&P 2025, arXiv
2504.09757. With h̄ the mean hidden state of harmful prompts' last tokens after a third of the
layers, ℓ = −cos(h̄(W), h̄(W_al)). A step takes the entries with sign(W − W_al) = sign(∂ℓ/∂W) and the
largest |∂ℓ/∂W|, 0.2 % of the model's parameters, and gives them the aligned value. Where the task
suffers, all begins again with a rollback: of the entries of a step, those with sign(W − W_ft) =
sign(∂ℓ_b/∂W) and the largest |∂ℓ_b/∂W|, 20 %, get the fine-tuned value back; ℓ_b is ℓ on benign
prompts, with the fine-tuned model in the place of the aligned one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from modelrepair import UnsupportedModelError
from modelrepair.plugin import Batch, TokenizedExample, TrainingContext
from modelrepair_rivals.options import DirectionOptions


def agreeing(gradient: Tensor, difference: Tensor) -> Tensor:
    """|g| where a step back along the gradient is one towards the other model, else 0.

    >>> agreeing(torch.tensor([2.0, -3.0, 4.0]), torch.tensor([1.0, 1.0, 0.0])).tolist()
    [2.0, 0.0, 0.0]

    Args:
        gradient: of the loss, ``[out, in]``.
        difference: W less the other model's, ``[out, in]``.
    """
    return gradient.abs() * (gradient.sign() * difference.sign() > 0)


def largest(scores: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
    """The entries with the largest scores over all matrices, and none whose score is 0.

    >>> largest({"a": torch.tensor([1.0, 3.0]), "b": torch.tensor([2.0, 0.0])}, 2)
    {'a': tensor([False,  True]), 'b': tensor([ True, False])}
    """
    flat = torch.cat([each.flatten() for each in scores.values()])
    chosen = torch.zeros(len(flat), dtype=torch.bool, device=flat.device)
    chosen[torch.topk(flat, min(count, len(flat))).indices] = True
    parts = torch.split(chosen & (flat > 0), [each.numel() for each in scores.values()])
    return {
        name: part.reshape(each.shape)
        for (name, each), part in zip(scores.items(), parts, strict=True)
    }


def last_hidden(model: Any, batch: Batch, layer: int) -> Tensor:
    """The hidden state of each prompt's last token after so many layers, ``[prompts, hidden]``.

    Args:
        model: a causal language model of transformers.
        batch: prompts without answers, padded on the right.
        layer: how many layers; 0 is the embedding.
    """
    found = model.get_decoder()(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        use_cache=False,
        output_hidden_states=True,
    )
    hidden: Tensor = found.hidden_states[layer]
    last = batch.attention_mask.sum(dim=1) - 1
    return hidden[torch.arange(len(last), device=hidden.device), last]


@torch.no_grad()
def mean_hidden(model: Any, batches: Sequence[Batch], layer: int) -> Tensor:
    """h̄, the mean of all prompts' last hidden states, ``[hidden]``."""
    return torch.cat([last_hidden(model, batch, layer) for batch in batches]).mean(dim=0)


def descend(
    model: Any, batches: Sequence[Batch], layer: int, target: Tensor, *, apart: bool
) -> None:
    """Add the gradient of ℓ = −cos(h̄, target) to the parameters'.

    Args:
        model: a causal language model of transformers.
        batches: the prompts.
        layer: after how many layers.
        target: the other model's h̄, ``[hidden]``.
        apart: whether each batch has a mean and a loss of its own, as in the published code.
    """

    def loss(mean: Tensor) -> Tensor:
        return -torch.nn.functional.cosine_similarity(mean, target, dim=0)

    if apart:
        for batch in batches:
            torch.autograd.backward(loss(last_hidden(model, batch, layer).mean(dim=0)))
        return
    mean = mean_hidden(model, batches, layer).requires_grad_()
    (slope,) = torch.autograd.grad(loss(mean), mean)
    prompts = sum(len(batch.input_ids) for batch in batches)
    for batch in batches:
        torch.autograd.backward((last_hidden(model, batch, layer) @ slope).sum() / prompts)


@torch.no_grad()
def likely_answers(context: TrainingContext, batches: Sequence[Batch]) -> float:
    """The mean over examples of the share of answer tokens that the model would choose."""
    shares = []
    for batch in batches:
        given = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        chosen = context.model(**given, use_cache=False).logits[:, :-1].argmax(dim=-1)
        counted = batch.answer_mask[:, 1:]
        right = ((chosen == batch.input_ids[:, 1:]) & counted).sum(dim=1)
        shares.append(right / counted.sum(dim=1).clamp_min(1))
    return float(torch.cat(shares).mean())


class DirectionAlign:
    """Puts aligned values back, step by step; its strength is the steps taken."""

    def __init__(self, options: DirectionOptions) -> None:
        self._options = options

    def train(self, context: TrainingContext) -> Iterator[float]:
        """Take the steps, with a rollback where the first ones cost too much; stop every few.

        Raises:
            UnsupportedModelError: the reference lacks tokens of the prompts.
        """
        options, work = self._options, _Work(context, self._options)
        for _ in range(options.warmup):
            work.step(rollback=False)
        rollback = bool(options.rollback) and work.lost() > options.drop
        if rollback:
            work.begin_again()
        elif options.warmup:
            yield options.warmup
        for step in range(1 if rollback else options.warmup + 1, options.steps + 1):
            work.step(rollback=rollback)
            if step % options.every == 0 or step == options.steps:
                yield step


class _Work:
    """The model on its way, where it began, and the directions that it is held against."""

    def __init__(self, context: TrainingContext, options: DirectionOptions) -> None:
        assert context.reference is not None
        self._context, self._options = context, options
        self._aligned = context.reference
        model = context.model
        layers = model.config.get_text_config().num_hidden_layers
        self._layer = max(1, math.floor(layers * options.depth))
        self._harmful = self._batches([_prompt(each) for each in context.sets["realign"]])
        self._benign = self._batches([_prompt(each) for each in context.sets["utility"]])
        self._answers = self._batches(context.sets["utility"])
        with self._aligned.model() as aligned:
            _check_tokens(aligned, self._harmful)
            self._wanted = mean_hidden(aligned, self._harmful, self._layer)
        self._kept = mean_hidden(model, self._benign, self._layer)
        self._likely = likely_answers(context, self._answers)
        self._names = {name: each for name, each in model.named_parameters() if each.requires_grad}
        self._tuned: dict[str, Tensor] = {}
        self._count = math.ceil(options.share * sum(each.numel() for each in model.parameters()))

    def step(self, *, rollback: bool) -> None:
        """Give entries the aligned value; with a rollback some of them the fine-tuned one again."""
        apart = self._options.variant == "code"
        if rollback or not apart:
            # The published code adds up the gradients of all steps until a rollback empties them.
            self._forget_gradients()
        descend(self._context.model, self._harmful, self._layer, self._wanted, apart=apart)
        scores = {
            name: agreeing(each.grad, each.detach() - self._aligned.values(name))
            for name, each in self._names.items()
            if each.grad is not None
        }
        chosen = largest(scores, self._count)
        for name, mask in chosen.items():
            weight = self._names[name]
            self._tuned.setdefault(name, weight.detach().clone())
            weight.data[mask] = self._aligned.values(name)[mask].to(weight.dtype)
        if rollback:
            self._roll_back(chosen, apart=apart)

    def _roll_back(self, chosen: Mapping[str, Tensor], *, apart: bool) -> None:
        self._forget_gradients()
        descend(self._context.model, self._benign, self._layer, self._kept, apart=apart)
        scores = {}
        for name, mask in chosen.items():
            weight = self._names[name]
            if weight.grad is not None:
                scores[name] = mask * agreeing(weight.grad, weight.detach() - self._tuned[name])
        candidates = sum(int(each.count_nonzero()) for each in scores.values())
        for name, mask in largest(scores, math.ceil(self._options.rollback * candidates)).items():
            self._names[name].data[mask] = self._tuned[name][mask]
        self._forget_gradients()

    def lost(self) -> float:
        """The share of likely benign answer tokens that are likely no longer."""
        now = likely_answers(self._context, self._answers)
        return 1 - now / self._likely if self._likely else 0.0

    def begin_again(self) -> None:
        """Put the fine-tuned values back."""
        for name, value in self._tuned.items():
            self._names[name].data.copy_(value)

    def _forget_gradients(self) -> None:
        for each in self._names.values():
            each.grad = None

    def _batches(self, examples: Sequence[TokenizedExample]) -> list[Batch]:
        size, batch = self._options.batch, self._context.batch
        return [batch(examples[begin : begin + size]) for begin in range(0, len(examples), size)]


def _prompt(example: TokenizedExample) -> TokenizedExample:
    """The example without its answer."""
    return replace(example, ids=example.ids[: example.answer_start])


def _check_tokens(aligned: Any, batches: Sequence[Batch]) -> None:
    """Refuse prompts that the reference has no embedding for."""
    known = aligned.get_input_embeddings().weight.shape[0]
    largest_id = max(int(batch.input_ids.max()) for batch in batches)
    if largest_id >= known:
        raise UnsupportedModelError(
            f"the reference knows {known} tokens, and the harmful prompts have token {largest_id}",
            hint="take a reference with the model's own tokens, or a repairer that does not ask it",
        )
