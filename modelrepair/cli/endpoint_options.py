"""The options of commands that measure a model behind an endpoint."""

from __future__ import annotations

from typing import Any

import click

from modelrepair.cli.options import Decorator, option, section


def endpoint_options() -> Decorator[Any]:
    """Where a model answers that is not here."""
    return section(
        "Endpoint",
        option(
            "--endpoint",
            metavar="URL",
            help="An OpenAI-compatible server that answers for the model, up to /v1; no weights "
            "are read. Its key is in MODELREPAIR_ENDPOINT_KEY or OPENAI_API_KEY.",
        ),
        option("--endpoint-model", metavar="NAME", help="What the server calls the model."),
        at_once_option(),
    )


def at_once_option() -> Decorator[Any]:
    """How much a server is asked at once."""
    return option(
        "--endpoint-at-once",
        type=click.IntRange(1, 256),
        default=8,
        help="Requests under way together.",
    )


def judge_endpoint_options() -> Decorator[Any]:
    """Where a judging model answers that is not here."""
    return section(
        "Measuring",
        option(
            "--judge-endpoint",
            metavar="URL",
            help="An OpenAI-compatible server that answers for the model of the guard judge; no "
            "weights of it are read.",
        ),
        option(
            "--judge-endpoint-model",
            metavar="NAME",
            help="What that server calls the judging model. Default: its id or folder.",
        ),
    )
