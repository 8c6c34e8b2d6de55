"""``modelrepair plugins new``: a plug-in of one's own, as a package that works as it is."""

from __future__ import annotations

from pathlib import Path

import click

from modelrepair.cli.options import FOLDER, option
from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output
from modelrepair.plugin.names import PluginKind
from modelrepair.plugin.registry import load_registry
from modelrepair.plugin.scaffold import (
    KINDS,
    author_of,
    names_of,
    render_package,
    write_package,
)
from modelrepair.text.pasted import pasted


@declare("new")
@click.argument("name")
@option("--kind", type=click.Choice(KINDS), default="scorer", help="What the plug-in offers.")
@option("--out", type=FOLDER, help="Folder to write. Default: ./NAME.")
@option(
    "--author",
    metavar='"NAME <EMAIL>"',
    help="Who is named in the metadata of the package. Default: none.",
)
def command(
    output: Output, name: str, kind: PluginKind, out: Path | None, author: str | None
) -> None:
    """Write a new plug-in NAME: a package with its tests, which installs and passes as it is.

    Users type its name without a leading `modelrepair-`. No folder is overwritten.
    """
    names = names_of(name, load_registry().found)
    package = render_package(kind, names, author_of(author) if author else None)
    folder = out or Path(name)
    write_package(package, folder)
    document = {
        "kind": kind,
        "distribution": names.distribution,
        "module": names.module,
        "name": names.offered,
        "folder": str(folder),
        "files": list(package),
    }
    output.result(
        document,
        f"Written to {folder}: {len(package)} files of the {kind.replace('-', ' ')} "
        f"{names.offered!r}.",
        f"Next: {pasted(['pip', 'install', '-e', f'{folder}[test]'])}",
        f"Check: {pasted(['pytest', str(folder)])}",
        f"Then: {pasted(['modelrepair', 'plugins', 'check', names.offered])}",
    )
