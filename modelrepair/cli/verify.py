"""``modelrepair verify``: prove that a repair is what it says, and nothing else."""

from __future__ import annotations

from pathlib import Path

import click

from modelrepair.cli.options import FOLDER
from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output


@declare("verify")
@click.argument("repaired", type=FOLDER)
@click.option("--source", required=True, help="What was repaired: a folder or a Hub id.")
@click.option("--reference", help="The reference, where the mask acts on the delta from it.")
def command(output: Output, repaired: Path, source: str, reference: str | None) -> int:
    """Check REPAIRED against its source: every file, every entry, every figure.

    Exit code 0 where all of it holds, 1 where something does not; each finding is one line.
    """
    import modelrepair

    verification = modelrepair.verify(repaired, source=source, reference=reference)
    findings = [str(finding) for finding in verification.findings]
    verdict = "verified: only masked entries differ" if verification.ok else "NOT verified"
    output.result({"ok": verification.ok, "findings": findings}, *findings, verdict)
    return 0 if verification.ok else 1
