"""``modelrepair audit``: what an upload is, without trusting it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from modelrepair.cli.options import command as declare
from modelrepair.cli.options import option, section
from modelrepair.cli.output import Output

if TYPE_CHECKING:
    from modelrepair.auditing.results import Audit


@declare("audit")
@click.argument("targets", nargs=-1, required=True)
@section(
    "What is looked at",
    option("--revision", help="Branch, tag or commit of TARGET on the Hub."),
    option(
        "--base",
        help="Compare with this model, a Hub id or a folder, whatever TARGET claims; `none` with "
        "nothing.",
    ),
    option(
        "--candidate",
        "candidates",
        multiple=True,
        help="A model that TARGET may come from; again for more.",
    ),
)
@section(
    "How",
    option("--budget", type=click.IntRange(min=1), help="Bytes of each side that are read. "
           "Default: 36,000,000."),
    option("--seed", type=click.IntRange(0, 2**32 - 1), help="Compare the parts that this seed "
           "draws. Default: a fresh one."),
    option(
        "--fail-on",
        type=click.Choice(["note", "warning", "error", "never"]),
        default="warning",
        help="Exit with 1 where something of this severity is found.",
    ),
)  # fmt: skip
def command(output: Output, targets: tuple[str, ...], *, fail_on: str, **options: Any) -> int:
    """Look at TARGET, a folder or a model on the Hub, without trusting it.

    Nothing of it is run, and no pickle is opened. Exit code 0 where all is clear, 1 where something
    was found, 7 where something could not be looked at.
    """
    import modelrepair
    from modelrepair.auditing.results import exit_code_of

    audits = [
        modelrepair.audit(target, progress=output.progress(), **options) for target in targets
    ]
    documents = [audit.to_json() for audit in audits]
    if output.json_mode:
        output.result(documents[0] if len(documents) == 1 else {"audits": documents})
    for audit in audits:
        output.show(*shown(audit))
    return exit_code_of(audit.exit_code(fail_on) for audit in audits)


def shown(audit: Audit) -> list[str | Table]:
    """An audit as people read it: what was found first, then what could not be looked at."""
    table = Table("rule", "outcome", "what")
    for each in audit.outcome("found"):
        said = f"found\n{each.severity}"
        table.add_row(f"{each.rule.id}\n{each.rule.name}", said, each.message)
    for each in audit.outcome("inconclusive"):
        table.add_row(f"{each.rule.id}\n{each.rule.name}", "inconclusive", each.message)
    clear = audit.outcome("clear")
    return [f"{audit.name}", table, f"clear: {len(clear)}"]
