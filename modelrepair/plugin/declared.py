"""What a plug-in is shown: what it declared that it reads, and nothing that it may change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from modelrepair.errors import ChangedInputsError, UndeclaredReadError
from modelrepair.plugin.scorer import SiteBatch

if TYPE_CHECKING:
    from torch import Tensor


def undeclared(what: str, hint: str) -> UndeclaredReadError:
    """The error of a plug-in that reads what it did not declare; the caller says whose.

    >>> str(undeclared("batch.output_gradients", "…"))
    'reads batch.output_gradients, which it did not declare'
    """
    return UndeclaredReadError(f"reads {what}, which it did not declare", hint=hint)


CONTRACT_ERRORS = (UndeclaredReadError, ChangedInputsError)
"""What is raised here, without the plug-in's name: whoever calls the plug-in adds it."""
_GRADIENTS = 'declare `reads = "gradients"` in the accumulator'


class InputsBatch(SiteBatch):
    """A batch as an accumulator sees it that reads inputs: asking for gradients is an error.

    >>> InputsBatch.of(batch).output_gradients  # doctest: +SKIP
    Traceback (most recent call last):
    UndeclaredReadError: reads batch.output_gradients, which it did not declare
    """

    @classmethod
    def of(cls, batch: SiteBatch) -> InputsBatch:
        """The same batch, its gradients hidden."""
        return cls(**{field.name: getattr(batch, field.name) for field in fields(batch)})

    def __getattribute__(self, name: str) -> Any:
        # Not an AttributeError, which `getattr` with a default and `hasattr` would hide.
        if name == "output_gradients":
            raise undeclared("batch.output_gradients", _GRADIENTS)
        return super().__getattribute__(name)


@contextmanager
def unchanged(shown: Mapping[str, Tensor | None], *, values: bool) -> Iterator[None]:
    """Inside, a plug-in works; what it was shown must be afterwards as it was before.

    >>> import torch
    >>> with unchanged({"view.subject": torch.zeros(2)}, values=True):
    ...     pass

    Args:
        shown: by the name that its author knows.
        values: also compare a sum over the bits, one pass over each: an edit through ``.data`` or
            NumPy leaves no trace in PyTorch's own count of changes.

    Raises:
        ChangedInputsError: something differs; the first is named.
    """
    held: dict[Tensor, str] = {}  # tensors are keys by identity
    for name, tensor in shown.items():
        if tensor is not None:
            held.setdefault(tensor, name)  # a weight that is masked itself is shown twice
    before = {tensor: _mark(tensor, values) for tensor in held}
    yield
    for tensor, name in held.items():
        if _mark(tensor, values) != before[tensor]:
            raise ChangedInputsError(
                f"changes {name} in place", hint=f"work on a copy: `{name}.clone()`"
            )


def _mark(tensor: Tensor, values: bool) -> tuple[int, int]:
    import torch

    count = 0 if tensor.is_inference() else tensor._version
    if not values or not tensor.numel():
        return count, 0
    bits = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[tensor.element_size()]
    flat = tensor.detach()
    flat = flat if flat.is_contiguous() else flat.contiguous()
    return count, int(flat.view(bits).sum(dtype=torch.int64))
