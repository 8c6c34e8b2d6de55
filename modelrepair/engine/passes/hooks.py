"""What the sites of a block see of one batch: torch's hooks, and the experts' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from modelrepair.engine.layout.experts import ExpertPart, Routed, showing
from modelrepair.engine.sites import Site
from modelrepair.errors import UnsupportedModelError
from modelrepair.text.pasted import pasted


@dataclass
class Seen:
    """What one matrix saw of one batch, padding included.

    Args:
        inputs: ``[…, in]``, a row for each token of the batch; for experts, for each of theirs.
        output_gradients: ``[…, out]``, where gradients flow.
        tokens: for experts, which of the batch's tokens they are, counted flat; else None.
    """

    inputs: Tensor
    output_gradients: Tensor | None = None
    tokens: Tensor | None = None


@contextmanager
def watch(
    block: nn.Module, sites: Sequence[Site], *, check: bool = False
) -> Iterator[dict[str, Seen]]:
    """Keep each site's input, and its output's gradient if one flows, for the time of a context.

    Args:
        block: the block that is run in the context, once.
        sites: the sites to watch, all of this block.
        check: compare what experts compute with their module's own forward, to the last bit.
    """
    seen: dict[str, Seen] = {}
    plain = {site.module for site in sites if site.part is None}
    experts: dict[str, set[ExpertPart]] = {}
    for site in sites:
        if site.part is not None:
            experts.setdefault(site.module, set()).add(site.part)
    handles = [block.get_submodule(path).register_forward_hook(_hook(seen, path)) for path in plain]
    shown = [block.get_submodule(path) for path in experts]
    for (path, wanted), module in zip(experts.items(), shown, strict=True):
        module.forward = _experts(seen, path, wanted, module, check)
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
        for module in shown:
            del module.forward


def _hook(
    seen: dict[str, Seen], path: str
) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    def keep(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        _once(seen, path)
        seen[path] = Seen(args[0].detach())

        def keep_gradient(gradient: Tensor) -> None:
            seen[path].output_gradients = gradient.detach()

        if output.requires_grad:
            output.register_hook(keep_gradient)  # type: ignore[no-untyped-call]

    return keep


def _experts(
    seen: dict[str, Seen], path: str, wanted: set[ExpertPart], module: Any, check: bool
) -> Callable[..., Tensor]:
    """A forward of the experts' module that keeps what the wanted matrices see."""

    def show(part: ExpertPart, routed: Routed) -> None:
        if part not in wanted:
            return
        key = f"{path}#{part}"
        _once(seen, key)
        outputs = routed.output[..., routed.columns]
        # No gradient ever arrives where no token did.
        nothing = torch.zeros_like(outputs) if not len(outputs) else None
        seen[key] = Seen(routed.inputs.detach(), nothing, routed.tokens)

        def keep_gradient(gradient: Tensor) -> None:
            seen[key].output_gradients = gradient[..., routed.columns].detach()

        if routed.output.requires_grad and len(outputs):
            routed.output.register_hook(keep_gradient)  # type: ignore[no-untyped-call]

    own = module.forward
    watched = showing(module, show)

    def forward(*args: Any, **kwargs: Any) -> Tensor:
        result = watched(*args, **kwargs)
        if check:
            with torch.no_grad():
                same = torch.equal(own(*args, **kwargs), result)
            if not same:
                raise UnsupportedModelError(
                    f"{type(module).__name__} computes otherwise than transformers' experts do",
                    hint=f"leave them out with {pasted(['--exclude', f'*.{path}.*'])}; "
                    "please report this model",
                )
        return result

    return forward


def _once(seen: dict[str, Seen], path: str) -> None:
    if path in seen:
        raise UnsupportedModelError(
            f"{path} is used twice in its block", hint="exclude it with --exclude"
        )
