"""``modelrepair verify``: prove that a repair is what it says, and nothing else."""

from __future__ import annotations

from pathlib import Path

import click

from modelrepair.cli.closing import close_verify
from modelrepair.cli.options import FILE, base_option, option
from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output


@declare("verify", has_steps=True)
@click.argument("repaired")
@option("--revision", help="Branch, tag, commit or pull request (refs/pr/1) of REPAIRED.")
@option("--source", help="What was repaired: a folder or a Hub id; by default the manifest's.")
@option("--reference", help="The reference, where it was needed; by default the manifest's.")
@base_option()
@option("--attestation", type=FILE, help="Its statement, as `modelrepair attest` wrote it.")
@option(
    "--public-key", type=FILE, metavar="PEM", help="Key of who signed the statement (extra `sign`)."
)
def command(
    output: Output,
    repaired: str,
    revision: str | None,
    source: str | None,
    reference: str | None,
    base: str | None,
    attestation: Path | None,
    public_key: Path | None,
) -> int:
    """Check REPAIRED against its source: every file, every entry, every figure.

    Exit code 0 where all of it holds, 1 where something does not, 7 where something could not be
    checked; each finding is one line. A statement is compared with the manifest and the files, and
    its signature with the key; that is no proof, so the repair is checked all the same.
    """
    import modelrepair
    from modelrepair.artifact.findings import CODES

    verification = modelrepair.verify(
        repaired,
        revision=revision,
        source=source,
        reference=reference,
        base=base,
        attestation=attestation,
        public_key=public_key,
        progress=output.progress(),
    )
    checked = ", ".join(f"{count:,} {name}" for name, count in verification.checked.items())
    lines = []
    for finding in (*verification.findings, *verification.inconclusive):
        lines += [finding.line, f"  Hint: {CODES[finding.code].do}"]
    lines += [f"Note: {note}" for note in verification.notes]
    result = "NOT verified" if verification.findings else verification.result
    # Where something does not hold, the summary is only what the repair says of itself.
    said = ": " if verification.ok else "; it says of itself: "
    about = f"{said}{verification.about.summary}" if verification.about.summary else ""
    document = verification.to_json()
    closing = close_verify(document, repaired, source)
    output.result(document, *lines, f"{result}{about} ({checked})", *closing)
    return verification.exit_code
