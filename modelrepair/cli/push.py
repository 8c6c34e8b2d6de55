"""``modelrepair push``: send a repaired model to the Hub, or finish what was left of a push."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from modelrepair.cli.closing import close_push
from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output
from modelrepair.cli.pushing import push_options


@declare("push", has_steps=True)
@click.argument("folder", type=click.Path(path_type=Path))
@push_options()
def command(output: Output, folder: Path, **options: Any) -> int:
    """Push FOLDER, a repaired model, to the Hub in one commit.

    Run it again, and it finishes what a failure left, or says that there is nothing to push. Exit
    code 1 where the gate was not passed: nothing was pushed, or by --force.
    """
    import modelrepair

    report = modelrepair.push(folder, progress=output.progress(), **options)
    document = report.to_json()
    output.result(document, *close_push(document))
    return int(report.exit_code)
