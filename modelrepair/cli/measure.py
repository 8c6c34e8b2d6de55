"""``modelrepair measure``: the measures of any model."""

from __future__ import annotations

from typing import Any

import click

from modelrepair.cli.closing import close_measure
from modelrepair.cli.endpoint_options import endpoint_options, judge_endpoint_options
from modelrepair.cli.options import (
    FILE,
    base_option,
    machine_options,
    measuring_options,
    option,
    section,
)
from modelrepair.cli.options import command as declare
from modelrepair.cli.output import Output
from modelrepair.cli.set_options import max_length_option, set_options
from modelrepair.cli.summary import few
from modelrepair.cli.tables import measures_table
from modelrepair.cli.types import as_mapping


@declare("measure", loads_plugins=True, has_steps=True)
@click.argument("model")
@option("--revision", help="Branch, tag or commit of MODEL on the Hub.")
@base_option()
@set_options(tests=False, defaults=False)
@max_length_option()
@measuring_options()
@judge_endpoint_options()
@section(
    "Measuring",
    option(
        "--template",
        metavar="FILE_OR_MODEL",
        help="The chat template in place of the model's own: a jinja file, or a model that has it.",
    ),
    option(
        "--save",
        type=FILE,
        metavar="FILE",
        help="Save the verdict on each prompt, by the prompt's digest, for `modelrepair decide`; "
        "no text is saved.",
    ),
)
@endpoint_options()
@machine_options()
def command(output: Output, model: str, **options: Any) -> None:
    """Measure MODEL, a folder or a model on the Hub, on sets; nothing is changed."""
    options["judge_options"] = as_mapping(options["judge_options"], "--judge-option")

    import modelrepair

    report = modelrepair.measure(model, progress=output.progress(), **options)
    document = report.to_json()
    warnings = [f"Warning: {warning}" for warning in document["warnings"]]
    table = measures_table({document["model"]: document["measures"]})
    output.result(document, *few(warnings), table, *close_measure(document, model))
