"""A whole forward and backward of a model without experts, seen by torch's own hooks."""

from __future__ import annotations

from modelrepair.engine.passes.capture import model_inputs
from modelrepair.engine.passes.loss import answer_losses
from tests.support.opened_models import CPU


def rows(values, kept):
    """Without padding; some architectures (OPT) flatten a batch before its linear layers."""
    return values.reshape(*kept.shape, -1)[kept]


def plain_run(plain, prefix, sites, batch):
    """A whole forward and backward, and what torch's own hooks see of each site in it."""
    seen, gradients, handles = {}, {}, []
    for site in sites:
        module = plain.get_submodule(f"{prefix}.{site.info.block}.{site.module}")

        def keep_input(module, args, output, name=site.name):
            seen[name] = args[0].detach()

        def keep_gradient(module, inward, outward, name=site.name):
            gradients[name] = outward[0].detach()

        handles.append(module.register_forward_hook(keep_input))
        handles.append(module.register_full_backward_hook(keep_gradient))
    plain.zero_grad()
    logits = plain(**model_inputs(batch, CPU), use_cache=False).logits
    answer_losses(logits, batch.input_ids, batch.answer_mask).sum().backward()
    for handle in handles:
        handle.remove()
    return seen, gradients
