"""``modelrepair verify``: prove that a repair is what it says, and nothing else."""

from __future__ import annotations

import click

from modelrepair.cli.options import base_option, option
from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output


@declare("verify")
@click.argument("repaired")
@option("--revision", help="Branch, tag, commit or pull request (refs/pr/1) of REPAIRED.")
@option("--source", required=True, help="What was repaired: a folder or a Hub id.")
@option("--reference", help="The reference, where the mask acts on the delta from it.")
@base_option()
def command(
    output: Output,
    repaired: str,
    revision: str | None,
    source: str,
    reference: str | None,
    base: str | None,
) -> int:
    """Check REPAIRED against its source: every file, every entry, every figure.

    Exit code 0 where all of it holds, 1 where something does not; each finding is one line.
    """
    import modelrepair

    verification = modelrepair.verify(
        repaired,
        revision=revision,
        source=source,
        reference=reference,
        base=base,
        progress=output.progress(),
    )
    checked = ", ".join(f"{count:,} {name}" for name, count in verification.checked.items())
    verdict = "verified: only masked entries differ" if verification.ok else "NOT verified"
    lines = [finding.line for finding in verification.findings]
    lines += [f"Note: {note}" for note in verification.notes]
    output.result(verification.to_json(), *lines, f"{verdict} ({checked})")
    return 0 if verification.ok else 1
