"""Names as files can have them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from modelrepair import UsageError

NAME_THEM = "name them by different letters and digits: NAME=FOLDER"


def slug(text: str) -> str:
    """A name as a file can have it.

    >>> slug("LoRA, p = 0.3 %")
    'lora-p-0.3'
    """
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")


def slugs(names: Iterable[str], what: str = "models", hint: str = NAME_THEM) -> dict[str, str]:
    """Each name as a file can have it.

    >>> slugs(["Aligned", "repaired, 2"])
    {'Aligned': 'aligned', 'repaired, 2': 'repaired-2'}

    Args:
        names: what there is.
        what: that is.
        hint: how it is named.

    Raises:
        UsageError: two would have one file, or one has a name of signs alone.
    """
    found = {name: slug(name) for name in names}
    for name, file in found.items():
        same = [other for other in found if found[other] == file]
        if not file:
            raise UsageError(f"no file can have the name {name!r}", hint=hint)
        if len(same) > 1:
            said = " and ".join(map(repr, same[:2]))
            raise UsageError(f"two {what} have one name as files: {said}", hint=hint)
    return found
