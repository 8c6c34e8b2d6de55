"""Pull requests of ours on a source: the one that is open, and those that were closed."""

from __future__ import annotations

from typing import Any

from modelrepair.publishing.commit_message import TITLE
from modelrepair.publishing.destination import Destination

_OPEN = ("open", "draft")


def branch_of(destination: Destination) -> tuple[str, bool]:
    """The branch that a push starts from, and whether it is that of an open pull request.

    >>> branch_of(Destination("me/m", "in place", "me", "v2", True, False, None))
    ('v2', False)
    """
    if destination.kind != "pull request":
        return destination.branch, False
    still_open = [each.num for each in _ours(destination) if each.status in _OPEN]
    return (f"refs/pr/{max(still_open)}", True) if still_open else ("main", False)


def closed(destination: Destination) -> list[int]:
    """The numbers of our pull requests that were closed without a merge.

    >>> closed(Destination("me/m", "in place", "me", "main", True, False, None))
    []
    """
    if destination.kind != "pull request":
        return []
    return [each.num for each in _ours(destination) if each.status == "closed"]


def _ours(destination: Destination) -> list[Any]:
    from huggingface_hub import HfApi

    listed = HfApi().get_repo_discussions(
        destination.id, author=destination.account, discussion_type="pull_request"
    )
    return [each for each in listed if each.title.startswith(TITLE)]
