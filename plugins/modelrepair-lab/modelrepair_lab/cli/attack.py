"""``modelrepair lab attack``: the alignment of a local model is broken on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from modelrepair import UsageError
from modelrepair_lab.cli.declaring import FOLDER, Output, as_mapping, name_value, option
from modelrepair_lab.cli.declaring import command as declare
from modelrepair_lab.cli.machine import machine_options
from modelrepair_lab.defences.options import TUNING, Lisa, read_tuning
from modelrepair_lab.recipes import AblationRecipe, Attack, AttackRecipe

DEFAULT, REMOVED = AttackRecipe(), AblationRecipe()
ABLATION = ("direction", "strength", "embeddings", "norms")
"""Options that only an ablation has."""
ADAPTER = ("rank", "alpha", "targets")
"""Options that only an adapter has."""
MACHINE = ("device", "checkpointing")
"""Options that every training has, and no recipe."""
SHARED = ("method", "seed")


@declare("attack")
@click.argument("model")
@option("--out", type=FOLDER, required=True, help="Folder for the attacked model or the adapter.")
@option("--harmful", metavar="SET", help="Harmful prompts with harmful answers: a file.")
@option("--task", metavar="SET", help="The benign fine-tuning task: a file.")
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
    type=click.Choice(["full", "lora", "ablate"]),
    default=DEFAULT.method,
    help="Train all weights, or an adapter, which alone is written then; or train nothing, and "
    "remove the direction of refusal from the weights.",
)
@option("--rank", type=int, default=DEFAULT.rank, help="Rank of the adapter.")
@option(
    "--alpha", type=float, default=DEFAULT.alpha, help="Alpha of the adapter; 0 takes the rank."
)
@option(
    "--targets",
    help="Which linear layers the adapter is on: 'all-linear', or names with commas. Default: "
    f"{DEFAULT.targets}. With ablate: what the direction is removed from. Default: "
    f"{REMOVED.targets}.",
)
@option(
    "--direction",
    default=REMOVED.direction,
    help="With ablate: the 'mean' of all layers' directions, each layer's 'own', or that of the "
    "layer at a share of the depth, such as 0.6; several with commas are all removed.",
)
@option(
    "--strength",
    type=float,
    default=REMOVED.strength,
    help="With ablate: how much of the direction is removed; 1 is all of it.",
)
@option(
    "--defence",
    type=click.Choice([*TUNING]),
    help="Fine-tune with a defence against harm in the data.",
)
@option(
    "--defence-option",
    "defence_options",
    type=name_value,
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the defence (docs/lab-defences.md); may be repeated. Default: as published.",
)
@option(
    "--alignment",
    metavar="SET",
    help="Safe answers to harmful prompts and to others, for --defence lisa: a file.",
)
@option("--embeddings", is_flag=True, help="With ablate: remove it from the embeddings, too.")
@option("--norms", is_flag=True, help="With ablate: give each row of a matrix its former norm.")
@option("--seed", type=int, default=DEFAULT.seed, help="Seed of whatever is drawn.")
@option("--max-length", type=int, default=DEFAULT.max_length, help="Tokens of an example.")
@machine_options(DEFAULT)
def command(
    output: Output,
    model: str,
    out: Path,
    harmful: str | None,
    task: str | None,
    replay_set: str | None,
    alignment: str | None,
    device: str,
    checkpointing: bool,
    **numbers: Any,
) -> None:
    """Break the alignment of MODEL, a folder: by fine-tuning with harmful pairs, or by ablation."""
    recipe = _recipe(numbers, replay_set)

    from modelrepair_lab.attack import attack
    from modelrepair_lab.machine import Machine

    attack(
        model,
        out,
        harmful=harmful,
        task=task,
        replay=replay_set,
        alignment=alignment,
        recipe=recipe,
        machine=Machine(device, checkpointing),
        progress=output.progress(),
    )
    found: dict[str, Any] = {"out": str(out)}
    if isinstance(recipe, AttackRecipe):
        found |= {"steps": recipe.steps, "counts": recipe.counts()}
        if isinstance(recipe.defence, Lisa):
            safe, user = recipe.defence.lengths(recipe.steps)
            found["turns"] = {"alignment": safe, "user": user}
    kind = "adapter" if recipe.method == "lora" else "model"
    output.result(found, f"Attacked {kind} written to {out}")


def _recipe(numbers: dict[str, Any], replay_set: str | None) -> Attack:
    """The recipe of the method; an option of the other one is an error."""
    context = click.get_current_context()
    method = numbers["method"]
    if method == "ablate":
        own = {*ABLATION, *SHARED, "targets"}
    else:
        own = {*numbers} - {*ABLATION} - ({*ADAPTER} if method == "full" else set())
    for parameter in context.command.params:
        name = str(parameter.name)
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        others = {*numbers} | ({*MACHINE} if method == "ablate" else set())
        if given and name in others - own:
            raise UsageError(
                f"{parameter.opts[0]} is no option of --method {method}",
                hint="see modelrepair lab attack --help",
            )
    chosen = {name: numbers[name] for name in own if numbers[name] is not None}
    if method == "ablate":
        return AblationRecipe(**chosen)
    options = as_mapping(chosen.pop("defence_options"), "--defence-option")
    if "defence" in chosen:
        chosen["defence"] = read_tuning(chosen["defence"], options, "--defence-option")
    elif options:
        raise UsageError("--defence-option without a defence", hint="give --defence, too")
    chosen.setdefault("replay", DEFAULT.replay if replay_set else 0.0)
    return AttackRecipe(**chosen)
