"""Audits in the formats of other programs: on stdout, or whole in a file."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from modelrepair.auditing.extra import extra
from modelrepair.cli.output import Output, plain
from modelrepair.errors import UsageError
from modelrepair.text.redaction import redact
from modelrepair.text.typed_paths import refuse_unfit

if TYPE_CHECKING:
    from modelrepair.auditing.results import Audit

DOCUMENTS = ("json", "sarif", "cyclonedx", "html")
"""Formats of one document for all models."""
_LIBRARIES = {"sarif": "sarif_pydantic", "cyclonedx": "cyclonedx"}
"""What a format needs of the extra ``audit``."""


def check_format(form: str, out: Path | None) -> None:
    """Refuse what could not be written at the end before anything is looked at.

    Args:
        form: the format.
        out: where the document goes; None for stdout.

    Raises:
        UsageError: a library or the folder is missing, or the format is none of one document.
    """
    if form in _LIBRARIES:
        with extra(_LIBRARIES[form], form):
            importlib.import_module(_LIBRARIES[form])
    if out is None:
        return
    if form not in DOCUMENTS:
        raise UsageError(f"--out is of {', '.join(DOCUMENTS)}", hint=f"redirect {form} with > FILE")
    refuse_unfit(out)
    if not out.parent.is_dir():
        raise UsageError(f"no folder {out.parent} for --out", hint="make it first")


def give(output: Output, audits: Sequence[Audit], form: str, out: Path | None, many: bool) -> None:
    """Print the document, or write it beside the file and rename it.

    Args:
        output: where stdout is.
        audits: what it is about.
        form: one of `DOCUMENTS`.
        out: a file in place of stdout.
        many: whether a list was asked for.

    Raises:
        UsageError: the format needs the extra ``audit``.
        ResourceError: the file can't be written.
    """
    from modelrepair.checkpoint.atomic import write_text

    text = text_of(audits, form, many, indent=None if out is None else 2)
    if out is None:
        output.text(text)
    else:
        write_text(out, redact(text) + "\n")


def text_of(audits: Sequence[Audit], form: str, many: bool, indent: int | None = None) -> str:
    """The document as text.

    >>> from modelrepair.auditing.results import Audit
    >>> json.loads(text_of([Audit("user/model")], "json", False))["model"]
    'user/model'

    Args:
        audits: what it is about.
        form: one of `DOCUMENTS`.
        many: whether a list was asked for.
        indent: of JSON; None for one line.
    """
    if form == "sarif":
        from modelrepair.auditing.sarif import to_sarif

        return json.dumps(plain(to_sarif(audits)), indent=indent)
    if form == "html":
        from modelrepair.auditing.page import to_html

        return to_html(audits)
    if form == "cyclonedx":
        from modelrepair.auditing.cyclonedx import to_cyclonedx

        return json.dumps(plain(to_cyclonedx(audits)), indent=indent)
    documents = [audit.to_json() for audit in audits]
    return json.dumps(plain({"audits": documents} if many else documents[0]), indent=indent)
