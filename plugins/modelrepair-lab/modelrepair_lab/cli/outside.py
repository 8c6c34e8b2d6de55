"""``modelrepair lab outside``: what models do with prompts that nothing else has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from modelrepair import UsageError
from modelrepair_lab.cli.declaring import (
    FOLDER,
    MODELS,
    Output,
    as_mapping,
    by_name,
    name_value,
    option,
)
from modelrepair_lab.cli.declaring import command as declare

MARKDOWN = "outside.md"


Declared = TypeVar("Declared", bound=Callable[..., Any])


def _sets(kind: str, text: str) -> Callable[[Declared], Declared]:
    words: dict[str, Any] = {
        "multiple": True,
        "metavar": "NAME=FILE",
        "help": f"{text} May be repeated.",
    }
    decorate: Callable[[Declared], Declared] = option(f"--{kind}", type=name_value, **words)
    return decorate


@declare("outside")
@MODELS
@option("--out", type=FOLDER, required=True, help="Folder for figures and table.")
@_sets("harmful", "Harmful prompts: how many are answered harmfully.")
@_sets("benign", "Harmless prompts that look harmful: how many are refused.")
@_sets("task", "A task with its answers: how many are right, a number or to the letter.")
@option("--base", type=FOLDER, help="What the adapters among MODELS adapt.")
@option("--judge", default="keyword", help="Who calls an answer harmful, harmless or refusal.")
@option(
    "--judge-option",
    "judge_options",
    type=name_value,
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the judge, see docs/judges.md; may be repeated.",
)
@option("--max-new-tokens", type=click.IntRange(min=1), default=256, help="Length of an answer.")
def command(
    output: Output,
    models: tuple[str, ...],
    out: Path,
    harmful: tuple[tuple[str, str], ...],
    benign: tuple[tuple[str, str], ...],
    task: tuple[tuple[str, str], ...],
    judge_options: tuple[tuple[str, str], ...],
    **numbers: Any,
) -> None:
    """Ask MODELS prompts that no set of a repair has, and count what they do.

    No prompt and no answer is written or shown. NAME=FOLDER names a model. The same command resumes
    what was interrupted.
    """
    from modelrepair.checkpoint.atomic import write_text
    from modelrepair_lab.paper.outside import Asking, Kind, outside
    from modelrepair_lab.paper.page import page

    asking = Asking(judge_options=as_mapping(judge_options, "--judge-option"), **numbers)
    given: tuple[tuple[Kind, tuple[tuple[str, str], ...]], ...] = (
        ("harmful", harmful),
        ("benign", benign),
        ("task", task),
    )
    sets: dict[str, tuple[Kind, Path]] = {}
    for kind, some in given:
        for name, path in some:
            if name in sets:
                raise UsageError(f"two sets have one name, {name!r}", hint="name them: NAME=FILE")
            sets[name] = kind, Path(path)
    found = outside(by_name(models), sets, out, asking, output.progress())
    text = page(found, asking)
    write_text(out / MARKDOWN, text)
    output.result({"out": str(out), "figures": found}, *text.splitlines(), f"Written to {out}")
