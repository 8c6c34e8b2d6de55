"""Which files somebody's program would load from a model's repository, by their names alone."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

from modelrepair.publish.endings import ending
from modelrepair.publish.roles import NEEDED, Role, role

Loaded = Literal["weights", "pickle", "code", "config"]

_READ: frozenset[Role] = NEEDED - {"licence"}


def loaded(name: str) -> Loaded | None:
    """As what a program may load a file; None for pictures, notes, logs and the like.

    >>> [loaded(name) for name in ("gguf/model.Q4_K_M.gguf", "handler.py", "notes.csv", "a.png")]
    ['weights', 'code', None, None]
    >>> loaded("training_args.bin"), loaded("tokenizer_config.json"), loaded("all_results.json")
    ('weights', 'config', None)
    >>> loaded("additional_chat_templates/rag.jinja"), loaded("checkpoint-5/config.json")
    ('config', 'config')

    Args:
        name: path inside the repository, with forward slashes.
    """
    last = PurePosixPath(name).name.lower()
    if found := ending(last):
        return found
    # Alone, too: what lies in the folder of a checkpoint is read where that folder is named.
    return "config" if _READ & {role(name), role(last)} else None


def holds_weights(name: str) -> bool:
    """Whether a file of this name may hold weights, or run what is pickled in it.

    >>> holds_weights("rng_state_0.pth"), holds_weights("modeling_mine.py")
    (True, False)
    """
    return loaded(name) in ("weights", "pickle")
