"""``modelrepair lab kinds``: benign prompts that no scorer, search or gate ever sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from modelrepair_lab.cli.declaring import ANSWER_LENGTH, FOLDER, MODELS, Output, by_name, option
from modelrepair_lab.cli.declaring import command as declare

CSV, MARKDOWN = "{group}.csv", "{group}.md"


@declare("kinds")
@MODELS
@option("--out", type=FOLDER, required=True, help="Folder for the tables.")
@option(
    "--group",
    type=click.Choice(["develop", "final"]),
    required=True,
    help="'develop' decides while something is worked on; 'final' is for one run at the end.",
)
@option("--world", type=int, metavar="SEED", help="The models are of the made-up world SEED.")
@option("--base", type=FOLDER, help="What the adapters among MODELS adapt: a folder.")
@option("--limit", type=click.IntRange(1, 200), default=200, help="Prompts of a kind; 200 at most.")
@option("--judge", help="Who calls an answer a refusal; default: keyword, with --world demo-world.")
@ANSWER_LENGTH
def command(
    output: Output,
    models: tuple[str, ...],
    out: Path,
    group: Any,
    world: int | None,
    base: Path | None,
    limit: int,
    judge: str | None,
    max_new_tokens: int,
) -> None:
    """Ask MODELS benign prompts of five kinds that are in no example set.

    Each model is compared with the first: NAME=FOLDER each. No answer is kept. The same command
    resumes what was interrupted.
    """
    from modelrepair.checkpoint.atomic import write_text
    from modelrepair_lab.kept_aside.asking import AskedHow, ask
    from modelrepair_lab.kept_aside.comparing import compare
    from modelrepair_lab.kept_aside.page import as_csv, page

    judge = judge or ("keyword" if world is None else "demo-world")
    how = AskedHow(group, world, judge, limit, max_new_tokens, base)
    rows = compare(ask(by_name(models), how, out, output.progress()))
    text = page(rows, how)
    write_text(out / CSV.format(group=group), as_csv(rows))
    write_text(out / MARKDOWN.format(group=group), text)
    document = {
        "out": str(out), "group": group, "world": world, "judge": judge,
        "rows": [row.to_json() for row in rows],
    }  # fmt: skip
    output.result(document, *text.splitlines(), f"Written to {out}")
