"""``modelrepair plugins check``: run the conformance kit on one plug-in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click
from rich.table import Table

from modelrepair.cli.options import FILE, option
from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output
from modelrepair.cli.types import name_value
from modelrepair.errors import UsageError
from modelrepair.plugin.names import PluginKind

if TYPE_CHECKING:
    from modelrepair.testing import Record


@declare("check", loads_plugins=True)
@click.argument("name")
@option(
    "--kind",
    type=click.Choice(get_args(PluginKind)),
    help="Needed where plug-ins of two kinds have it.",
)
@option(
    "--option",
    "options",
    type=name_value,
    multiple=True,
    metavar="NAME=VALUE",
    help="An option to test it with; may be repeated.",
)
@option(
    "--record",
    type=FILE,
    metavar="FILE",
    help="The record of an earlier run: a check that ran then must run now, and one that was "
    "expected to fail is expected to again.",
)
def command(
    output: Output,
    name: str,
    kind: str | None,
    options: tuple[tuple[str, str], ...],
    record: Path | None,
) -> int:
    """Run the conformance kit on the plug-in NAME; docs/conformance.md lists the checks.

    Exit code 0 where no check failed, 1 where one failed or has disappeared since the earlier
    record, 2 for an unknown name, 5 where the plug-in can't be loaded.
    """
    from modelrepair.testing import check, disappeared, read_records

    earlier = read_records(record) if record else ()
    found = check(kind, name, options=dict(options))
    gone: tuple[str, ...] = ()
    if record:
        before = _earlier(earlier, found, record)
        found = found.expecting(before)
        gone = disappeared(before, found)
    table = Table("check", "outcome", "reason")
    for result in found.checks:
        table.add_row(result.id, result.outcome, result.reason)
    lines = [f"{each} ran in {record} and did not run now" for each in gone]
    document = {**found.to_json(), "disappeared": list(gone)}
    output.result(document, table, *lines, found.summary)
    return 0 if found.ok and not gone else 1


def _earlier(records: tuple[Record, ...], now: Record, path: Path) -> Record:
    """The record of the same plug-in with the same options."""
    for each in records:
        if (each.kind, each.name, each.options) == (now.kind, now.name, now.options):
            return each
    raise UsageError(
        f"{path} holds no record of the {now.kind} {now.name} with these options",
        hint=f"it holds: {', '.join(_title(each) for each in records) or 'none'}",
    )


def _title(record: Record) -> str:
    options = "".join(f" {name}={value}" for name, value in record.options.items())
    return f"{record.kind} {record.name}{options}"
