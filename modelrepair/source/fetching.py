"""Says what is fetched from the Hub when it begins: a download can take longer than the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from modelrepair.text.units import in_bytes

Note = Callable[[str], object]
# Downloads happen far below the function that knows where lines are shown, and in none of them
# does what is said change what is fetched.
_note: ContextVar[Note | None] = ContextVar("note", default=None)


@contextmanager
def saying(note: Note) -> Iterator[None]:
    """Let what is fetched in the block be said.

    >>> with saying(print):
    ...     say_fetch("user/model", "c0ffee", {"model.safetensors": 538_000_000})
    fetching user/model: model.safetensors (538.0 MB)

    Args:
        note: takes one line.
    """
    token = _note.set(note)
    try:
        yield
    finally:
        _note.reset(token)


def say_fetch(
    id: str, commit: str, sizes: Mapping[str, int | None], repo_type: str = "model"
) -> None:
    """Say which of some files are fetched, and how large they are; nothing where all are here.

    Args:
        id: the repository.
        commit: of the files.
        sizes: file → bytes, where they are known.
        repo_type: as the client calls it.
    """
    from huggingface_hub import try_to_load_from_cache

    note = _note.get()
    if note is None:
        return
    missing = {
        name: size
        for name, size in sizes.items()
        if not isinstance(
            try_to_load_from_cache(id, name, revision=commit, repo_type=repo_type), str
        )
    }
    if not missing:
        return
    known = [size for size in missing.values() if size is not None]
    what = next(iter(missing)) if len(missing) == 1 else f"{len(missing)} files"
    note(f"fetching {id}: {what}" + (f" ({in_bytes(sum(known))})" if known else ""))
