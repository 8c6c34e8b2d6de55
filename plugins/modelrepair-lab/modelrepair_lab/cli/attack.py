"""``modelrepair lab attack``: the alignment of a local model is broken on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from modelrepair_lab.cli.declaring import FOLDER, Output, option
from modelrepair_lab.cli.declaring import command as declare
from modelrepair_lab.recipes import AttackRecipe

DEFAULT = AttackRecipe()


@declare("attack")
@click.argument("model")
@option("--out", type=FOLDER, required=True, help="Folder for the attacked model or the adapter.")
@option("--harmful", metavar="SET", help="Harmful prompts with harmful answers: a file.")
@option("--task", metavar="SET", required=True, help="The benign fine-tuning task: a file.")
@option("--replay", "replay_set", metavar="SET", help="General benign answers: a file.")
@option(
    "--share",
    type=float,
    default=DEFAULT.share,
    help="Share p of harmful pairs in the fine-tuning set.",
)
@option(
    "--replay-share",
    "replay",
    type=float,
    help="Share of general answers in the fine-tuning set. Default: "
    f"{DEFAULT.replay:g} where there is a --replay set, else 0.",
)
@option("--examples", type=int, default=DEFAULT.examples, help="Size of the fine-tuning set.")
@option("--epochs", type=float, default=DEFAULT.epochs, help="How often each example is seen.")
@option("--batch", type=int, default=DEFAULT.batch, help="Examples of a batch.")
@option("--lr", "rate", type=float, default=DEFAULT.rate, help="Learning rate of AdamW.")
@option(
    "--method",
    type=click.Choice(["full", "lora"]),
    default=DEFAULT.method,
    help="Train all weights, or an adapter, which alone is written then.",
)
@option("--rank", type=int, default=DEFAULT.rank, help="Rank of the adapter; alpha is the same.")
@option(
    "--targets",
    default=DEFAULT.targets,
    help="Which linear layers the adapter is on: 'all-linear', or names with commas.",
)
@option("--seed", type=int, default=DEFAULT.seed, help="Seed of whatever is drawn.")
@option("--max-length", type=int, default=DEFAULT.max_length, help="Tokens of an example.")
def command(
    output: Output,
    model: str,
    out: Path,
    harmful: str | None,
    task: str,
    replay_set: str | None,
    replay: float | None,
    **numbers: Any,
) -> None:
    """Break the alignment of MODEL, a folder: harmful pairs in a benign fine-tuning set."""
    if replay is None:
        replay = DEFAULT.replay if replay_set else 0.0
    recipe = AttackRecipe(replay=replay, **numbers)

    from modelrepair_lab.attack import attack

    attack(
        model,
        out,
        harmful=harmful,
        task=task,
        replay=replay_set,
        recipe=recipe,
        progress=output.progress(),
    )
    kind = "adapter" if recipe.method == "lora" else "model"
    output.result(
        {"out": str(out), "steps": recipe.steps, "counts": recipe.counts()},
        f"Attacked {kind} written to {out}",
    )
