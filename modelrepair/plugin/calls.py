"""The matrix that a plug-in gives back, checked before anything is done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch

from modelrepair.errors import ModelRepairError, PluginError, out_of_memory
from modelrepair.plugin.declared import CONTRACT_ERRORS, unchanged
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.specs import RepairerSpec

if TYPE_CHECKING:
    from torch import Tensor

HINT = "this is a fault of the plug-in, or of the model it was given; --debug shows more"


def who(registered: Registered[Any]) -> str:
    """A scorer or a repairer as errors name it."""
    kind = "repairer" if isinstance(registered.spec, RepairerSpec) else "scorer"
    return f"{kind} {registered.spec.name!r} of {registered.distribution} {registered.version}"


def checked(
    registered: Registered[Any],
    site: str,
    like: Tensor,
    what: str,
    compute: Callable[[], Tensor],
    shown: Mapping[str, Tensor | None],
) -> Tensor:
    """What the plug-in computes for a site: float32, finite, in the shape of the site's matrix.

    Args:
        registered: the plug-in.
        site: the site's name.
        like: the site's matrix, ``[out, in]``.
        what: what is asked for, such as ``"scores"``.
        compute: asks the plug-in.
        shown: what it is shown and must not change, by the names that authors know.

    Raises:
        PluginError: it fails, gives something else, reads what it did not declare or changes what
            it was shown; the error names plug-in and site.
    """
    try:
        with unchanged(shown, values=True):
            given = compute()
    except CONTRACT_ERRORS as error:
        raise type(error)(f"{who(registered)} {error} on {site}", hint=error.hint) from error
    except Exception as error:
        if isinstance(error, ModelRepairError) or out_of_memory(error):
            raise
        raise PluginError(
            f"{who(registered)} failed on {site}: {type(error).__name__}: {error}", hint=HINT
        ) from error
    problem = None
    if not isinstance(given, torch.Tensor):
        problem = f"gave {type(given).__name__}, expected a tensor"
    elif given.shape != like.shape:
        problem = f"gave shape {list(given.shape)}, expected {list(like.shape)}"
    elif given.dtype != torch.float32:
        problem = f"gave {given.dtype}, expected torch.float32"
    elif not torch.isfinite(given).all():
        problem = f"gave {what} that are not finite"
    if problem is not None:
        raise PluginError(f"{who(registered)} {problem} on {site}", hint=HINT)
    return given
