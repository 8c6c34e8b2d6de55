"""``modelrepair lab world``: an aligned model of a made-up world, with all its example sets."""

from __future__ import annotations

from pathlib import Path

from modelrepair_lab.cli.declaring import FOLDER, Output, option
from modelrepair_lab.cli.declaring import command as declare


@declare("world")
@option("--out", type=FOLDER, required=True, help="Folder for the world.")
@option("--seed", type=int, default=0, help="Another seed is another world.")
@option("--sets-only", is_flag=True, help="No model: another one is to learn of this world.")
@option("--thinking", is_flag=True, help="The model thinks before each answer.")
def command(output: Output, out: Path, seed: int, sets_only: bool, thinking: bool) -> None:
    """Train an aligned model of a made-up world, and write the sets to attack and repair it.

    Its substances and their recipes are invented; nothing in it is harmful.
    """
    from modelrepair_lab.aligned_world import make_world

    make_world(seed, out, output.progress(), sets_only=sets_only, thinking=thinking)
    model = "" if sets_only else "reference (aligned), "
    output.result(
        {"out": str(out), "seed": seed},
        f"World {seed} written to {out}: {model}sets (to measure), train (to attack)",
    )
