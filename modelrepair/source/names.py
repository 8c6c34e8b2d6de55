"""The one rule for names of repositories on the Hub, and the nearest name that keeps it."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 96


def is_id(text: str) -> bool:
    """Whether a text can be the id of a repository: ``name`` or ``user/name``.

    >>> is_id("user/model"), is_id("/home/me/model"), is_id("my model"), is_id("modèle")
    (True, False, False, False)
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(text)
    except HFValidationError:
        return False
    # The client takes letters of every script; the Hub does not.
    return text.isascii() and text == text.strip()


def id_for(text: str, suffix: str = "") -> str:
    """The nearest id to a text that may be none.

    >>> id_for("Mon modèle -- v2"), id_for("..", "-repaired"), id_for("org/my set")
    ('Mon-modele-v2', 'model-repaired', 'org/my-set')

    Args:
        text: such as a folder's name; of several parts the last two count.
        suffix: what stays at its end, however long it is.
    """
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    parts = []
    for part in folded.split("/")[-2:]:
        kept = re.sub(r"[^A-Za-z0-9._]+", "-", part)
        parts.append(re.sub(r"[-.]*\.[-.]*\.[-.]*|-{2,}", "-", kept).strip("-._"))
    name = (parts[-1].removesuffix(".git")[: LONGEST - len(suffix)].strip("-.") or "model") + suffix
    return f"{parts[0]}/{name}" if len(parts) > 1 and parts[0] else name
