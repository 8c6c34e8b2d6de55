"""The network as it was before a training, to compare states with."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any


def frozen(model: Any) -> Callable[[], AbstractContextManager[Any]]:
    """A context that gives a model as it is now, however it is trained later.

    It is a copy; of a PEFT model it is the same one without its adapter, which takes no memory.
    """
    kept = None if hasattr(model, "disable_adapter") else copy.deepcopy(model).eval()

    @contextmanager
    def before() -> Iterator[Any]:
        if kept is not None:
            yield kept
            return
        training = model.training
        with model.disable_adapter():
            yield model.eval()
        model.train(training)

    return before
