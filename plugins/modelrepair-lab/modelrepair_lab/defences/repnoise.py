"""RepNoise: an alignment after which the hidden states of harmful answers are like noise.

Rosati et al., "Representation noising: a defence mechanism against harmful finetuning"
(arXiv 2405.14577), section 3. To the loss of an ordinary alignment are added the distance to noise
of what the MLPs give for harmful answers, and an ascent on their likelihood.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from modelrepair import ExampleSetError
from modelrepair_lab.defences.hooks import outputs
from modelrepair_lab.defences.layers import mlps
from modelrepair_lab.defences.options import RepNoise
from modelrepair_lab.defences.readout import Readout, readout
from modelrepair_lab.training import Backward, Batch, Encoded, plain

KERNELS, FACTOR = 5, 2.0
"""Gaussian kernels of the distance, and how much wider each is than the one before it."""

Pair = tuple[Encoded, Encoded]
"""A harmful and a harmless answer to one prompt."""

Differing = tuple[Tensor, Tensor]
"""Tokens of harmful answers, and where they differ from the harmless ones; both [pairs, length]."""


def repnoise(model: Any, options: RepNoise) -> Backward:
    """The gradient of one step of RepNoise, for `modelrepair_lab.training.train`.

    Its items are a batch of refusals and benign answers, and harmful answers with the positions
    at which they differ from the refusals: see `differing`.

    Args:
        model: what is aligned, in whose blocks the MLPs are found.
        options: alpha, beta, and whose loss it is.

    Raises:
        UnsupportedModelError: no MLP can be told apart in it.
    """
    layers = mlps(model)
    read = readout(model) if options.variant == "paper" else None

    def backward(model: Any, item: tuple[Batch, Differing]) -> Tensor:
        batch, (tokens, mask) = item
        total = plain(model, batch)
        device = next(model.parameters()).device
        tokens, mask = tokens.to(device), mask.to(device)
        with outputs(layers) as seen:
            ascent = ascended(model, tokens, mask, read)
        noise = torch.stack([_distance(states, mask) for states in seen]).mean()
        loss = options.beta * noise - options.alpha * ascent
        torch.autograd.backward(loss)
        return total + loss.detach().to(total.device)

    return backward


def ascended(model: Any, tokens: Tensor, mask: Tensor, read: Readout | None) -> Tensor:
    """The logarithm of the harmful answers' loss, which the training lets grow.

    With ``read`` it is log(1 + mean over the states of all depths), the output counted beside
    them; without, log of the output's loss alone.

    Args:
        model: the network.
        tokens: harmful examples, ``[pairs, length]``.
        mask: the positions that count, of the same shape.
        read: hidden states to logits; None leaves out the losses inside of the network.

    Source: ``rep_noise_loss`` of the authors' code, and of Antidote's. There the first token that
    differs is predicted from logits of zero; here from the network's own.
    """
    before, labels = mask[:, 1:], tokens[:, 1:][mask[:, 1:]]
    found = model(input_ids=tokens, use_cache=False, output_hidden_states=read is not None)
    loss = cross_entropy(found.logits[:, :-1][before].float(), labels)
    if read is None:
        return loss.log()
    depths = found.hidden_states
    for states in depths:
        loss = loss + cross_entropy(read(states[:, :-1][before]).float(), labels)
    return (loss / len(depths) + 1).log()


def mmd(states: Tensor, noise: Tensor) -> Tensor:
    """The squared maximum mean discrepancy of two samples, by five Gaussian kernels.

    >>> sample = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    >>> float(mmd(sample, sample)), round(float(mmd(sample, sample + 1)), 2)
    (0.0, 1.2)

    Args:
        states: ``[members, numbers]``.
        noise: of the same shape.

    Source: Gretton et al. 2012, biased estimate; kernels exp(−‖x − y‖² / b·2ⁱ), i = −2 … 2, where b
    is the mean squared distance of two of all members, as in RepNoise's code.
    """
    both = torch.cat([states, noise]).float()
    # Without the products of all members: they leave equal ones apart by what they round.
    distances = torch.cdist(both, both, compute_mode="donot_use_mm_for_euclid_dist").square()
    count = len(both)
    width = distances.detach().sum() / (count * count - count) / FACTOR ** (KERNELS // 2)
    kernel = torch.stack([(-distances / (width * FACTOR**i)).exp() for i in range(KERNELS)]).sum(0)
    half = len(states)
    same = kernel[:half, :half] + kernel[half:, half:]
    return (same - kernel[:half, half:] - kernel[half:, :half]).mean()


def pairs_of(harmful: Sequence[Encoded], refusals: Iterable[Encoded]) -> list[Pair]:
    """Each harmful example with the first refusal of the same prompt; those without one are left.

    >>> pairs_of([([5, 6, 7], 2), ([8, 7], 1)], [([5, 6, 9], 2), ([5, 6, 4], 2)])
    [(([5, 6, 7], 2), ([5, 6, 9], 2))]

    Raises:
        ExampleSetError: there is none.
    """
    found: dict[tuple[int, ...], Encoded] = {}
    for ids, start in refusals:
        found.setdefault(tuple(ids[:start]), (ids, start))
    prompts = (tuple(ids[:start]) for ids, start in harmful)
    pairs = [
        (each, found[prompt])
        for each, prompt in zip(harmful, prompts, strict=True)
        if prompt in found and list(each[0]) != list(found[prompt][0])
    ]
    if not pairs:
        raise ExampleSetError(
            "no prompt of the harmful set has a refusal",
            hint="give with --harmful answers to prompts of --refusal",
        )
    return pairs


def differing(pairs: Sequence[Pair], padding: int) -> Differing:
    """Harmful examples of one width, and where each differs from its harmless one.

    >>> tokens, mask = differing([(([5, 6, 7, 8], 2), ([5, 6, 9], 2))], 0)
    >>> tokens.tolist(), mask.tolist()
    ([[5, 6, 7, 8]], [[False, False, True, True]])

    Args:
        pairs: tokens of a harmful and a harmless example with one prompt, each.
        padding: the token that fills up short examples; it never differs.
    """
    width = max(len(harmful) for (harmful, _), _ in pairs)
    tokens = torch.full((len(pairs), width), padding)
    mask = torch.zeros(len(pairs), width, dtype=torch.bool)
    for row, ((harmful, _), (harmless, _)) in enumerate(pairs):
        tokens[row, : len(harmful)] = torch.tensor(harmful)
        for place, token in enumerate(harmful):
            mask[row, place] = place >= len(harmless) or token != harmless[place]
    return tokens, mask


def _distance(states: Tensor, mask: Tensor) -> Tensor:
    """How far what a layer gives is from noise, where the answers differ."""
    count, length = mask.shape
    kept = states.reshape(count, length, -1) * mask[:, :, None]
    noise = torch.randn_like(kept) * mask[:, :, None]
    return mmd(kept.flatten(1), noise.flatten(1))
