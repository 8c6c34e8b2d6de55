"""``modelrepair decide``: a verdict on a repair whose answers were left for later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelrepair.cli.closing import NOTHING, first_lines, last_lines
from modelrepair.cli.closing_commands import Asked
from modelrepair.cli.endpoint_options import at_once_option, judge_endpoint_options
from modelrepair.cli.options import FOLDER, base_option, option, section
from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output
from modelrepair.cli.set_options import SET
from modelrepair.cli.summary import show_report
from modelrepair.cli.types import as_mapping, name_value
from modelrepair.examples.keys import SetKey
from modelrepair.text.pasted import words_of

if TYPE_CHECKING:
    from collections.abc import Mapping

MODELS = {
    "before": "the source",
    "after": "the repaired model",
    "reference": "the aligned reference",
}


def _place(role: str) -> Any:
    return option(
        f"--{role}",
        multiple=True,
        required=role != "reference",
        metavar="URL_OR_FILE",
        help=f"What answers for {MODELS[role]}: an OpenAI-compatible server, up to /v1, or a file "
        "of `modelrepair measure --save`, which may be repeated.",
    )


def _model(role: str) -> Any:
    return option(
        f"--{role}-model",
        metavar="NAME",
        help=f"What the server calls {MODELS[role]}. Default: the only model that it has.",
    )


def _set(key: SetKey) -> Any:
    return option(
        key.option,
        metavar=SET,
        help=f"The {key} set of the repair, where it was a file; its digest must be the same.",
    )


@declare("decide", loads_plugins=True, has_steps=True)
@click.argument("out", type=FOLDER)
@section("Answers", *map(_place, MODELS), *map(_model, MODELS), at_once_option())
@section("Example sets", *map(_set, SetKey))
@base_option()
@option(
    "--judge-option",
    "judge_options",
    type=name_value,
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the judge that no manifest holds: a secret, or a folder; may be repeated.",
)
@judge_endpoint_options()
@option("--restart", is_flag=True, help="Throw away the answers that an interrupted run left.")
def command(output: Output, out: Path, **options: Any) -> int:
    """Decide OUT, a repair by `fix --answer-later`, by what servers answer.

    Asks the prompts of its report, applies its gate, and replaces manifest, card and verdicts
    together. Exit code 0 where the gate is passed, 1 where it is not.
    """
    options["judge_options"] = as_mapping(options["judge_options"], "--judge-option")
    for role in MODELS:
        given = options[role]
        options[role] = given[0] if len(given) == 1 else given or None

    import modelrepair

    output.standing.said = NOTHING.lower().rstrip(".")
    report = modelrepair.decide(out, progress=output.progress(), **options)
    document = report.to_json()
    asked = Asked(str(out))
    if (manifest := document["manifest"]) is not None:
        asked = _asked(manifest)
    lines = [*first_lines(document, asked), *last_lines(document, asked)]
    output.result(document, *show_report(document), *lines)
    return int(report.exit_code)


def _asked(manifest: Mapping[str, Any]) -> Asked:
    """What the repair was asked for, as far as its manifest says: of a folder not where it is."""
    models = {name: manifest[name] for name in ("reference", "base") if manifest[name]}
    models["source"] = manifest["adapter"] or manifest["source"]
    named = {name: each["id"] if each["hub"] else name.upper() for name, each in models.items()}
    # What is next changes the command that made the repair.
    return Asked(named["source"], tuple(words_of(manifest["command"])[1:]), named)
