"""The front matter of a card, checked before the work as the Hub checks it at the push."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from modelrepair.errors import HubError
from modelrepair.text.redaction import HIDDEN

_SHORT = ("license", "license_name", "license_link", "pipeline_tag", "library_name")
"""Keys of one word or link: what is hidden in them is no longer one."""


def check_front_matter(metadata: Mapping[str, Any], source: str) -> None:
    """Refuse what a repair keeps of a source's front matter where the Hub would not take it.

    >>> check_front_matter({"license": "mit"}, "user/model")  # doctest: +SKIP

    Args:
        metadata: the keys as they would be published.
        source: whose card they come from.

    Raises:
        HubError: a key holds a secret, which is not published, or the Hub refuses it.
    """
    hint = f"correct the front matter of README.md in {source}, and repair that"
    for key in _SHORT:
        if HIDDEN in str(metadata.get(key, "")):
            raise HubError(
                f"{key} in the card of {source} looks like a secret: it is hidden, and the Hub "
                "would not take the card",
                hint=hint,
                id="card-refused",
            )
    said = _refused(metadata)
    if said is not None:
        raise HubError(
            f"the Hub does not take the card of {source}: {said}", hint=hint, id="card-refused"
        )


def _refused(metadata: Mapping[str, Any]) -> str | None:
    """Why the Hub refuses a card with these keys; None where it takes it, or can't be asked."""
    from huggingface_hub import ModelCard, ModelCardData

    front = ModelCardData(ignore_metadata_errors=True, **metadata)
    try:
        ModelCard(f"---\n{front}\n---\n").validate()
    except ValueError as error:
        return _first_reason(str(error))
    except Exception:
        return None  # the push itself reports what is wrong with the Hub or the network
    return None


def _first_reason(text: str) -> str:
    try:
        reasons = [str(each["message"]) for each in json.loads(text)["errors"]]
    except (ValueError, LookupError, TypeError):
        reasons = [line.strip(" -") for line in text.splitlines()]
    return next((reason for reason in reasons if reason), "it does not say why")[:200]
