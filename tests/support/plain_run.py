"""A whole forward and backward, and what is seen of each matrix in it: independent of the engine.

Linear layers are watched by torch's own hooks. Experts run their own eager code, whose products
are caught one by one where torch computes them: which expert's a product is, the address of the
weight says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from modelrepair.engine.passes.capture import model_inputs
from modelrepair.engine.passes.loss import answer_losses
from modelrepair.plugin.scorer import SiteBatch
from tests.support.opened_models import CPU

PRODUCTS = (torch.nn.functional.linear, torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__)


@dataclass
class Shown:
    """What one matrix saw: inputs, the gradient of its output, and which tokens those rows are."""

    inputs: Any
    gradients: Any = None
    tokens: Any = None


@dataclass
class Products(TorchFunctionMode):
    """Catches every product of an expert's weights with what is routed to it."""

    weights: dict[int, tuple[str, int]]
    shown: dict[tuple[str, int], Shown] = field(default_factory=dict)

    def __post_init__(self):
        super().__init__()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function in PRODUCTS and args[1].data_ptr() in self.weights:
            shown = Shown(args[0].detach())
            self.shown[self.weights[args[1].data_ptr()]] = shown

            def keep(gradient):
                shown.gradients = gradient.detach()

            result.register_hook(keep)
        return result


def experts_of(plain, prefix) -> dict[str, Any]:
    """The modules with fused experts in the blocks of a plain model, by name."""
    return {
        name: module
        for name, module in plain.named_modules()
        if name.startswith(f"{prefix}.") and hasattr(module, "is_concatenated")
    }


def halves(module, projection: str, values):
    """The gate's or the up projection's part of what both give together, ``[…, both]``."""
    if projection == "down" or not module.has_gate:
        return values
    number = ("gate", "up").index(projection)
    if module.is_concatenated:
        return values.chunk(2, dim=-1)[number]
    return values[..., number::2]


def plain_run(plain, prefix, sites, batch) -> dict[str, Shown]:
    """A forward and a backward of one batch: what each site, by its name, sees in them."""
    found: dict[str, Shown] = {}
    handles = []
    for site in sites:
        if site.part is not None:
            continue
        module = plain.get_submodule(f"{prefix}.{site.info.block}.{site.module}")

        def keep(module, args, output, name=site.name):
            found[name] = shown = Shown(args[0].detach())
            output.register_hook(lambda gradient: setattr(shown, "gradients", gradient.detach()))

        handles.append(module.register_forward_hook(keep))
    experts = experts_of(plain, prefix)
    weights, chosen = {}, {}
    for name, module in experts.items():
        for leaf, parameter in module.named_parameters(recurse=False):
            if parameter.dim() == 3:
                for number in range(module.num_experts):
                    weights[parameter[number].data_ptr()] = (f"{name}.{leaf}", number)

        def keep_choice(module, args, name=name):
            chosen[name] = args[1]

        handles.append(module.register_forward_pre_hook(keep_choice))
    plain.zero_grad()
    with Products(weights) as products:
        logits = plain(**model_inputs(batch, CPU), use_cache=False).logits
    answer_losses(logits, batch.input_ids, batch.answer_mask).sum().backward()
    for handle in handles:
        handle.remove()
    for site in sites:
        if site.part is not None:
            name = f"{prefix}.{site.info.block}.{site.module}"
            found[site.name] = _of_expert(experts[name], name, site, products, chosen[name])
    return found


def _of_expert(module, name, site, products, chosen) -> Shown:
    expert, projection = site.part.expert, site.part.projection
    first = "gate_up_proj" if module.has_gate else "up_proj"
    leaf = "down_proj" if projection == "down" else first
    # The experts' own code goes through its choices one by one, and in each through the tokens.
    tokens = (expert == chosen.T).nonzero()[:, 1]
    rows, columns = site.info.shape
    nothing = Shown(torch.zeros(0, columns), torch.zeros(0, rows))
    shown = products.shown.get((f"{name}.{leaf}", expert), nothing)
    assert len(tokens) == len(shown.inputs)
    gradients = halves(module, projection, shown.gradients) if len(tokens) else shown.gradients
    return Shown(shown.inputs, gradients, tokens)


def as_batch(shown: Shown, batch) -> SiteBatch:
    """What a site saw, without padding."""
    kept = batch.attention_mask.bool().reshape(-1)
    index = torch.arange(len(batch.keys))[:, None].expand_as(batch.attention_mask).reshape(-1)
    tokens = torch.arange(len(kept)) if shown.tokens is None else shown.tokens
    rows = kept[tokens]
    width = shown.inputs.shape[-1]
    return SiteBatch(
        shown.inputs.reshape(-1, width)[rows],
        shown.gradients.reshape(len(tokens), shown.gradients.shape[-1])[rows],
        batch.answer_mask.reshape(-1)[tokens][rows],
        index[tokens][rows],
        batch.keys,
    )
