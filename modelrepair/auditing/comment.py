"""An audit as a comment on the Hub: Markdown in which no text of an upload is more than text."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence

from modelrepair.auditing.addresses import address_of
from modelrepair.auditing.results import Audit, Base
from modelrepair.auditing.rule import STAGES, Finding, Rule
from modelrepair.text.printable import printable
from modelrepair.text.units import in_bytes
from modelrepair.version import project_address, version

BEGIN, END = "<!-- modelrepair-audit v1 {key} -->", "<!-- /modelrepair-audit -->"
"""Our marks, which a reader does not see; the key is the same for the same result."""
MOST = 20
"""Findings of each outcome that are written out."""
LONGEST = 400
"""Characters of one text: a comment stays far below what the Hub takes."""
_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", re.ASCII)
_SPECIAL = re.compile(r"([!-+\--/:-@\[-`{-~])")
"""ASCII punctuation but the comma: what Markdown, HTML and formulas are made of."""
_LINKED = re.compile(r"(@|#|:(?=//)|www(?=\.))", re.IGNORECASE)
"""Where a viewer sees a user, a discussion, an address of the web or of mail, without any mark-up.
A character of no width goes behind it: an escape does not keep it from being seen."""


def audit_comment(audit: Audit, *, most: int = MOST) -> str:
    """Write an audit as a comment: what was found, what was not decided, what was not run.

    >>> from modelrepair import Audit, audit_comment
    >>> audit_comment(Audit("model", "c0ffee")).splitlines()[1]
    '### Audit of model at c0ffee'

    The first line is a mark that a reader does not see. It is the same for two audits of one commit
    with the same outcomes, whichever parts of the weights they compared. Texts of the upload are
    escaped: they mention no user, link nowhere and show no picture. Local paths are left out.

    Args:
        audit: what `audit` returned. Where it holds an error, the comment says why nothing was
            looked at.
        most: findings of each outcome that are written out; the others are counted.
    """
    return "\n".join([BEGIN.format(key=_key(audit, most)), *_lines(audit, most), END]) + "\n"


def escaped(text: str) -> str:
    r"""Text of another person as one line of Markdown that shows it.

    >>> print(escaped("<b>*"))
    \<b\>\*
    """
    shown = printable(text)
    shown = shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"
    return _SPECIAL.sub(r"\\\1", _LINKED.sub("\\1\u200b", shown))


def _lines(audit: Audit, most: int) -> Iterator[str]:
    at = f" at {audit.commit[:12]}" if audit.commit and audit.commit.isalnum() else ""
    address = project_address()
    tool = "modelrepair" if address is None else f"[modelrepair]({address})"
    yield f"### Audit of {_named(audit.name, 'a local folder')}{at}\n"
    yield (
        f"A program wrote this: {tool} {version()}. It ran no code of the upload and opened no "
        "pickle. What it found is a reason to look, not a verdict.\n"
    )
    if audit.error is not None:
        yield f"**Not looked at:** {_without_paths(str(audit.error), audit)}\n"
        yield "No rule was asked.\n"
        return
    yield f"{_compared(audit.base)}\n"
    yield from _section("Found", audit, audit.outcome("found"), most)
    yield from _section("Not decided", audit, audit.outcome("inconclusive"), most)
    clear = len(audit.outcome("clear"))
    yield f"**Looked for and not found:** {clear} {'rule' if clear == 1 else 'rules'}.\n"
    if missing := [stage for stage in STAGES if stage not in audit.ran]:
        yield f"**Not run:** {', '.join(missing)}. Nothing is said of what was not looked at.\n"
    if read := [f"{in_bytes(count)} of the {side}" for side, count in audit.fetched.items()]:
        yield f"Read: {', '.join(read)}. Seed: {audit.seed}.\n"


def _compared(base: Base | None) -> str:
    if base is None:
        return "Compared with no other model."
    name = _named(base.name, "a local folder")
    at = f" at {base.commit[:12]}" if base.commit and base.commit.isalnum() else ""
    return f"Compared with {name}{at} (named by {escaped(base.named_by)})."


def _section(title: str, audit: Audit, findings: Sequence[Finding], most: int) -> Iterator[str]:
    if not findings:
        return
    yield f"**{title} ({len(findings)})**\n"
    for each in findings[:most]:
        grave = f"**{each.severity}**: " if each.outcome == "found" else ""
        text = _without_paths(each.message, audit)
        yield f"- {grave}{each.rule.name} ({_linked(each.rule)}): {text}"
        if each.outcome == "found" and each.severity != "note":
            yield f"  - {each.rule.do}"
    if len(findings) > most:
        yield f"- and {len(findings) - most} more"
    yield ""


def _linked(rule: Rule) -> str:
    address = address_of(rule)
    return rule.id if address is None else f"[{rule.id}]({address})"


def _named(name: str, otherwise: str) -> str:
    """An id; of a folder, only that it is one."""
    return escaped(name) if _ID.fullmatch(name) else otherwise


def _without_paths(text: str, audit: Audit) -> str:
    """A text in which folders of this machine are called by what they are here."""
    names = {audit.name: "the model"}
    if audit.base is not None:
        names[audit.base.name] = "the base"
    for name in sorted(names, key=len, reverse=True):
        if not _ID.fullmatch(name):
            text = text.replace(name, names[name])
    return escaped(text)


def _key(audit: Audit, most: int) -> str:
    """Of the commits and outcomes. Messages are left out: their figures follow the seed."""
    base, error = audit.base, audit.error
    said = [
        version(),
        audit.name,
        audit.commit,
        None if base is None else [base.name, base.commit],
        list(audit.ran),
        None if error is None else [error.id, error.exit_code],
        sorted([each.rule.id, each.outcome, each.severity] for each in audit.findings),
        most,
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]
