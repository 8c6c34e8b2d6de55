"""No access token reaches a screen, a log or a document."""

from __future__ import annotations


def redact(text: str) -> str:
    """The text with every secret in it replaced.

    >>> redact("401 for hf_AbCdEfGhIjKlMnOp at user/model")
    '401 for hf_… at user/model'
    """
    from modelrepair.artifact.published import of_environment, without_secrets

    return without_secrets(text, of_environment())
