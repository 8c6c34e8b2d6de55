"""A mask over what fine-tuning changed, learnt from preferences (SOMF).

Yi et al., arXiv 2405.09055: θ(m) = θ_al + λ·m ⊙ τ / mean(m), with τ = θ − θ_al and one mask for
each matrix. In training m is drawn from a relaxed Bernoulli distribution (T = 0.5, logits from
zero), and the logits alone are learnt, by preference optimisation (DPO, arXiv 2305.18290,
equation 7): the safe answer to a harmful prompt is preferred to the harmful one. In the model that
is given m is binary, sigmoid(logit) > 0.5. The published code multiplies by λ = 0.3, as where
several task vectors are merged, and draws the binary mask, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from modelrepair import UsageError
from modelrepair.plugin import TokenizedExample, TrainingContext
from modelrepair_rivals.options import MaskOptions
from modelrepair_rivals.realignment import in_turns

TEMPERATURE = 0.5
"""Of the relaxed Bernoulli distribution, as published."""
CODE_SCALE = 0.3
"""λ of the published code."""

Pair = tuple[TokenizedExample, TokenizedExample]
"""The safe and the harmful answer to one prompt."""


def relaxed(logits: Tensor, uniform: Tensor) -> Tensor:
    """A draw of the relaxed Bernoulli distribution: sigmoid((logit + log u − log(1 − u)) / T).

    >>> relaxed(torch.tensor([0.0, 2.0]), torch.tensor([0.5, 0.5])).tolist()
    [0.5, 0.98...]

    Args:
        logits: any shape.
        uniform: u, drawn from [0, 1), of the same shape.
    """
    tiny = torch.finfo(uniform.dtype).eps
    noise = torch.logit(uniform, eps=tiny)
    return torch.sigmoid((logits + noise) / TEMPERATURE)


def masked(task: Tensor, mask: Tensor, scale: float) -> Tensor:
    """λ·m ⊙ τ / mean(m): what is left of a task vector; nothing where the mask is empty.

    >>> masked(torch.tensor([2.0, 4.0]), torch.tensor([1.0, 0.0]), 1.0).tolist()
    [4.0, 0.0]

    Args:
        task: τ, ``[out, in]``.
        mask: m, ``[out, in]``, from 0 to 1.
        scale: λ.
    """
    return scale * mask * task / mask.mean().clamp_min(torch.finfo(mask.dtype).tiny)


def preference_losses(chances: Tensor, before: Tensor, beta: float) -> Tensor:
    """−log σ(β·((safe − safe_before) − (harmful − harmful_before))), ``[pairs]``.

    >>> even = torch.zeros(1, 2)
    >>> preference_losses(even, even, 0.1).tolist()
    [0.69...]

    Args:
        chances: log-likelihoods of the safe and of the harmful answer, ``[pairs, 2]``, in nats.
        before: the same by the policy that training is not to leave.
        beta: how dear it is to leave it.
    """
    ahead = (chances - before) @ chances.new_tensor([1.0, -1.0])
    return -torch.nn.functional.logsigmoid(beta * ahead)


def paired(refusals: Sequence[TokenizedExample], harmful: Sequence[TokenizedExample]) -> list[Pair]:
    """Safe and harmful answers to one prompt, of all prompts that have both.

    >>> paired([TokenizedExample((1, 2), 1, "no")], [TokenizedExample((1, 3), 1, "yes")])[0][1].ids
    (1, 3)

    Raises:
        UsageError: no prompt has both.
    """
    answers = {each.ids[: each.answer_start]: each for each in harmful}
    found = [
        (each, answers[prompt])
        for each in refusals
        if (prompt := each.ids[: each.answer_start]) in answers
    ]
    if not found:
        raise UsageError(
            "somf learns from safe and harmful answers to the same prompts, and no prompt of "
            "--refusal is one of --realign",
            hint="give both sets the same prompts; --repairer realign takes refusals of any",
        )
    return found


def chances(context: TrainingContext, pairs: Sequence[Pair]) -> Tensor:
    """Log-likelihoods of the safe and the harmful answers, ``[pairs, 2]``, in nats."""
    batch = context.batch([each for pair in pairs for each in pair])
    # The first token is predicted by nothing.
    tokens = batch.answer_mask[:, 1:].sum(dim=1)
    return -(context.losses(batch) * tokens).reshape(-1, 2)


class Somf:
    """Learns a mask for each matrix; its strength is the steps taken."""

    def __init__(self, options: MaskOptions) -> None:
        self._options = options
        self._drawn = options.variant == "code"

    def train(self, context: TrainingContext) -> Iterator[float]:
        """Learn the masks' logits, and stop every few steps with binary masks.

        The policy of equation 7 that training is not to leave is θ with empty masks: the
        reference's values wherever the repair may change any.
        """
        options = self._options
        pairs = paired(context.sets["refusal"], context.sets["realign"])
        masks = _masks(context, CODE_SCALE if self._drawn else 1.0)
        if not masks:
            return  # the models are the same; the host says it
        generator = torch.Generator().manual_seed(context.seed)
        before = self._before(context, masks, pairs)
        turns = in_turns(range(len(pairs)), options.batch, generator)
        optimizer = torch.optim.Adam([each.logits for each in masks], lr=options.rate)
        for step in range(1, options.steps + 1):
            for _ in range(options.batches):
                numbers = next(turns)
                state = generator.get_state()
                for each in masks:
                    each.write(relaxed(each.logits, each.uniform(generator)))
                found = chances(context, [pairs[number] for number in numbers])
                losses = preference_losses(found, before[numbers], options.beta)
                torch.autograd.backward(losses.mean() / options.batches)
                # The same draws again take less memory than keeping them.
                generator.set_state(state)
                for each in masks:
                    each.take_gradient(generator)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if step % options.every == 0 or step == options.steps:
                for each in masks:
                    each.write(self._binary(each, generator))
                yield step

    def _before(
        self, context: TrainingContext, masks: Sequence[_Mask], pairs: Sequence[Pair]
    ) -> Tensor:
        for each in masks:
            each.write(torch.zeros_like(each.logits))
        size = self._options.batch
        with torch.no_grad():
            found = [
                chances(context, pairs[begin : begin + size])
                for begin in range(0, len(pairs), size)
            ]
        return torch.cat(found)

    def _binary(self, mask: _Mask, generator: torch.Generator) -> Tensor:
        """The mask of the model that is given: the likelier value, or a drawn one."""
        logits = mask.logits.detach()
        if self._drawn:
            return (relaxed(logits, mask.uniform(generator)) > 0.5).to(logits.dtype)
        return (logits > 0).to(logits.dtype)


def _masks(context: TrainingContext, scale: float) -> list[_Mask]:
    """A mask for each matrix that fine-tuning changed; the others stay, and cost no gradient."""
    assert context.reference is not None
    found = []
    for name, parameter in context.model.named_parameters():
        if parameter.requires_grad:
            mask = _Mask(parameter, context.reference.values(name), scale)
            parameter.requires_grad_(mask.changed)
            if mask.changed:
                found.append(mask)
    return found


class _Mask:
    """A matrix θ_al + λ·m ⊙ τ / mean(m), and the logits of m, from zero."""

    def __init__(self, weight: torch.nn.Parameter, aligned: Tensor, scale: float) -> None:
        self._weight, self._aligned, self._scale = weight, aligned, scale
        self._task = weight.detach().float() - aligned
        self.changed = bool(self._task.any())
        self.logits = torch.zeros_like(self._task, requires_grad=self.changed)

    def uniform(self, generator: torch.Generator) -> Tensor:
        """What one draw of the mask is made of."""
        return torch.rand(self._task.shape, generator=generator).to(self._task.device)

    @torch.no_grad()
    def write(self, mask: Tensor) -> None:
        """Put the matrix under a mask into the model."""
        self._weight.copy_(self._aligned + masked(self._task, mask, self._scale))

    def take_gradient(self, generator: torch.Generator) -> None:
        """The matrix' gradient becomes one of its logits, under the draw that it was taken at."""
        gradient, self._weight.grad = self._weight.grad, None
        mask = relaxed(self.logits, self.uniform(generator))
        if gradient is not None:
            torch.autograd.backward(masked(self._task, mask, self._scale), gradient.float())
