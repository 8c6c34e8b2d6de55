"""The nearest names to one that is not there: folders beside it, repositories on the Hub."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

SHOWN = 3
MOST = 1000
"""Repositories of an owner that are looked through, those that are loaded most first."""


def near_paths(path: Path, *, files: bool = False) -> list[str]:
    """Folders beside a path whose names are like its own, as the user would write them.

    >>> import tempfile
    >>> here = Path(tempfile.mkdtemp())
    >>> (here / "my-model").mkdir()
    >>> [Path(name).name for name in near_paths(here / "my-modle")]
    ['my-model']

    Args:
        path: what is not there.
        files: whether a file is meant; then endings don't count, which many files share.
    """
    try:
        beside = [each for each in path.parent.iterdir() if files or each.is_dir()]
    except OSError:
        return []
    if files:
        by_stem = {each.stem: each.name for each in beside}
        return [str(path.with_name(by_stem[stem])) for stem in _near(path.stem, by_stem)]
    return [str(path.with_name(name)) for name in _near(path.name, [p.name for p in beside])]


def near_ids(id: str, *, data: bool = False) -> list[str]:
    """Ids on the Hub that are like one: of the same owner, else of the same name.

    A help for people, and no more than that: whatever goes wrong, there are none.

    Args:
        id: ``user/name``, or a bare name.
        data: whether data sets are meant, and not models.
    """
    owner, _, name = id.rpartition("/")
    for author, search in ((owner, None), (None, name)) if owner else ((None, name),):
        try:
            near = _near(id, _listed(author, search, data=data))
        except Exception:
            # The Hub has just answered that it does not know the id: that is what is reported.
            return []
        if near:
            return near
    return []


def other_kinds(id: str, kind: str) -> str:
    """What the Hub has under an id where it has none of the kind that was asked for.

    A help for people, as `near_ids`.

    Args:
        id: ``user/name``, or a bare name.
        kind: what was asked for: "model" or "data set".
    """
    from huggingface_hub import HfApi

    try:
        if "/" not in id and (owned := _listed(id, None, data=kind != "model")):
            more = " and others" if len(owned) > SHOWN else ""
            return f"{id} is an account, with {', '.join(owned[:SHOWN])}{more}; "
        for other, shown in (("model", "model"), ("dataset", "data set"), ("space", "Space")):
            if shown != kind and HfApi().repo_exists(id, repo_type=other):
                return f"there is a {shown} {id}; "
    except Exception:
        return ""
    return ""


def did_you_mean(names: Iterable[str]) -> str:
    """A question that offers names, or nothing where there are none.

    >>> did_you_mean(["user/model", "user/models"]), did_you_mean([])
    ("did you mean 'user/model' or 'user/models'? ", '')
    """
    shown = " or ".join(map(repr, names))
    return f"did you mean {shown}? " if shown else ""


def _near(name: str, there: Iterable[str]) -> list[str]:
    lowered = {each.lower(): each for each in there}
    found = difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.6)
    return [lowered[each] for each in found]


def _listed(author: str | None, search: str | None, *, data: bool) -> list[str]:
    from huggingface_hub import HfApi

    listing = HfApi().list_datasets if data else HfApi().list_models
    found = listing(author=author, search=search, sort="downloads", limit=MOST)
    return [str(each.id) for each in found]
