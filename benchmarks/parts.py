"""What is compared with what: the parts of the benchmark, each a table of rows.

The first row of a table is what the others are compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.environments import COMPRESSOR

DEPTHS = (8, 16, 32)
COUNTS = (32, 128, 512)
RANKS = (1, 2)


@dataclass(frozen=True)
class Options:
    """What the command line chooses.

    Args:
        shape: name of the model's shape.
        examples: how many it is scored on.
        blocks: how deep the shape is; None leaves it as it is.
        device: what computes.
        trials: how many trials the rival by trials takes.
        large: the shape that does not fit; the default is 27 GB in float32, and 13.5 GB on disk.
        work: a folder for models and examples, kept for the next run.
        environments: a folder for environments, kept too.
    """

    shape: str = "349m"
    examples: int = 64
    blocks: int | None = None
    device: str = "cpu"
    trials: int = 200
    large: str = "7b"
    work: Path = Path(".bench")
    environments: Path = Path(".venv-bench")

    @property
    def size(self) -> str:
        """The shape, and how deep it is where that was chosen."""
        return self.shape if self.blocks is None else f"{self.shape} with {self.blocks} blocks"


@dataclass(frozen=True)
class Row:
    """One contestant, as it is started.

    Args:
        name: as the table has it.
        contestant: the module in `benchmarks.contestants`.
        arguments: what it is given beside a folder for its work.
        scored: the model and the examples that it is given; None where it has its own.
        ranks: how many processes torchrun starts; None starts one without it.
        requirements: what the environment of its own holds; empty where it runs in ours.
    """

    name: str
    contestant: str
    arguments: tuple[str, ...] = ()
    scored: Options | None = None
    ranks: int | None = None
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """A table: its heading, what it was measured on, and its rows."""

    heading: str
    measured_on: Callable[[Options], str]
    rows: Callable[[Options], list[Row]]


def _scored(options: Options) -> str:
    return f"{options.size}, {options.examples} examples, {options.device}"


def _scoring(options: Options) -> list[Row]:
    return [
        Row("ours", "ours", scored=options),
        Row("plain forward", "forward", scored=options),
        Row("published loop, restated", "published", scored=options),
        Row(COMPRESSOR[0], "llm_compressor", scored=options, requirements=COMPRESSOR),
        Row("bare matrix products", "products", scored=options),
    ]


def _reverse(options: Options) -> list[Row]:
    by = ("--scorer", "gradient")
    return [
        Row("ours, gradient", "ours", by, options),
        Row("plain forward and backward", "forward", by, options),
    ]


def _whole(options: Options) -> list[Row]:
    return [Row("fix by Wanda, fixed ratio, no answers", "fix", scored=options)]


def _depth(options: Options) -> list[Row]:
    return [
        Row(f"{blocks} blocks", "ours", scored=replace(options, blocks=blocks)) for blocks in DEPTHS
    ]


def _examples(options: Options) -> list[Row]:
    return [
        Row(f"{count} examples", "ours", scored=replace(options, examples=count))
        for count in COUNTS
    ]


def _ranks(options: Options) -> list[Row]:
    return [
        Row(f"{count} rank{'s' * (count > 1)}", "ours", scored=options, ranks=count)
        for count in RANKS
    ]


def _large(options: Options) -> Options:
    return replace(options, shape=options.large, blocks=None, examples=16)


def _of_large(options: Options) -> list[Row]:
    return [Row("ours, scores not kept", "cut_at_once", scored=options)]


def _repairs(options: Options) -> list[Row]:
    on = ("--device", options.device)
    without = ("--no-reference", *on)
    return [
        Row("contrast", "demo_repair", ("contrast", *on)),
        Row("realign", "demo_repair", ("realign", *on)),
        Row("contrast, no reference", "demo_repair", ("contrast", *without)),
        Row("realign, no reference", "demo_repair", ("realign", *without)),
        Row(
            f"heretic's way, {options.trials} trials",
            "trials",
            ("--trials", str(options.trials), *on),
        ),
    ]


PARTS: Mapping[str, Part] = {
    "scoring": Part("Scoring by Wanda", _scored, _scoring),
    "reverse": Part("The reverse pass", _scored, _reverse),
    "whole": Part("Reading, selection, hashing and writing", _scored, _whole),
    "depth": Part(
        "Growth with depth", lambda o: f"{o.shape}, {o.examples} examples, {o.device}", _depth
    ),
    "examples": Part("Growth with examples", lambda o: f"{o.size}, {o.device}", _examples),
    "ranks": Part("Growth with ranks", _scored, _ranks),
    "large": Part(
        "A model that does not fit", lambda o: _scored(_large(o)), lambda o: _of_large(_large(o))
    ),
    "repairs": Part("Whole repairs", lambda o: f"the demo's attacked model, {o.device}", _repairs),
}
"""By the name that the command line takes."""
