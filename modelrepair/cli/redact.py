"""No access token reaches a screen, a log or a document."""

from __future__ import annotations

import os
import re

TOKEN = re.compile(r"hf_[A-Za-z0-9]{6,}")
VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


def redact(text: str) -> str:
    """The text with every token in it replaced.

    >>> redact("401 for hf_AbCdEfGhIjKlMnOp at user/model")
    '401 for hf_… at user/model'
    """
    for variable in VARIABLES:
        value = os.environ.get(variable, "").strip()
        # A value of a few letters is no token, and would blank out innocent text.
        if len(value) >= 8:
            text = text.replace(value, "hf_…")
    return TOKEN.sub("hf_…", text)
