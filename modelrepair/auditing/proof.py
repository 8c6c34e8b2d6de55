"""Stage 5: where a model claims to be a repair of ours, whether that holds, entry by entry."""

from __future__ import annotations

from modelrepair.artifact.card import MARK
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.auditing.context import Context
from modelrepair.auditing.opened import Opened
from modelrepair.auditing.rule import Check, Finding, Rule
from modelrepair.checkpoint.kept_files import CARD_LIMIT, CARD_NAME
from modelrepair.checkpoint.roles import is_ours
from modelrepair.verification.origins import verify_origins

UNPROVEN = Rule(
    "MR-PRF-001",
    "proof",
    "error",
    "unproven-repair",
    "it claims to be a repair, and files, weights or figures are not what its manifest says",
    "don't trust the claim; `modelrepair verify` shows every difference",
)
STRAY = Rule(
    "MR-PRF-002",
    "proof",
    "warning",
    "repair-files-without-a-manifest",
    "there are files of a repair's record, and no manifest that they belong to",
    "don't take them for a proof; ask the author for the whole repair",
)
MOST = 20
"""Findings of a verification that are kept; a forged weight alone can make thousands."""


def unproven(context: Context) -> Finding:
    """Derive the repair again from its recorded source, and compare.

    Args:
        context: the model under audit.
    """
    target = context.target
    if MANIFEST_NAME not in target.files and not _card_claims(target):
        return UNPROVEN.not_applicable(f"there is no {MANIFEST_NAME}, and no such card")
    named = target.source.folder if target.here else target.name
    found = verify_origins(named, target.source.commit, context.source, context.reference)
    wrong = [each.line for each in found.findings]
    open_ = [each.line for each in found.inconclusive]
    checked = dict(found.checked)
    if wrong:
        more = f", and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
        files = sorted({each.file for each in found.findings})
        return UNPROVEN.found(
            f"{wrong[0]}{more}", files=files, findings=wrong[:MOST], count=len(wrong)
        )
    if open_:
        return UNPROVEN.inconclusive(open_[0], findings=open_[:MOST], checked=checked)
    return UNPROVEN.clear(
        f"verified: {found.about.summary}; that it is a repair says nothing of its answers",
        checked=checked,
    )


def _card_claims(model: Opened) -> bool:
    """Whether the card has a part that a repair writes; without a manifest it says nothing true."""
    card = model.read(CARD_NAME, CARD_LIMIT) or b""
    return MARK.search(card.decode("utf-8", "replace")) is not None


def stray(context: Context) -> Finding:
    """Files of a repair's record without the manifest that gives them a meaning."""
    ours = [name for name in context.target.files if is_ours(name)]
    if ours and MANIFEST_NAME not in context.target.files:
        return STRAY.found(f"{len(ours)} files in repair/, and no {MANIFEST_NAME}", files=ours)
    return STRAY.clear("there are none" if not ours else "they belong to a manifest")


CHECKS: tuple[Check[Context], ...] = ((UNPROVEN, unproven), (STRAY, stray))
