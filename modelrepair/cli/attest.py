"""``modelrepair attest``: the statement of a repair, for whoever wants to derive it again."""

from __future__ import annotations

from pathlib import Path

import click

from modelrepair.cli.closing import close_attest
from modelrepair.cli.options import FILE, option
from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output


@declare("attest", has_steps=True)
@click.argument("folder", type=click.Path(path_type=Path))
@option("--out", type=FILE, help="File to write. Default: FOLDER.intoto.json, beside the folder.")
@option(
    "--sign-key",
    type=FILE,
    metavar="PEM",
    help="Sign it with this private key (extra `sign`); the signature goes beside, as *.sig.",
)
@option("--time", is_flag=True, help="Put the time into the statement.")
def command(
    output: Output, folder: Path, out: Path | None, sign_key: Path | None, time: bool
) -> None:
    """Write an in-toto statement of FOLDER, a repaired model.

    It says what went in, how it was changed, what came out and what was measured, all with
    digests. The same repair gives the same bytes.
    """
    import modelrepair

    attestation = modelrepair.attest(
        folder, out=out, sign_key=sign_key, time=time, progress=output.progress()
    )
    document = attestation.to_json()
    output.result(document, *close_attest(document, folder))
