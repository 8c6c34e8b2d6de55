"""The options of a push, which `fix` and `push` share."""

from __future__ import annotations

from typing import Any

from modelrepair.cli.options import Decorator, option, section


def push_options() -> Decorator[Any]:
    """Where a repaired model goes on the Hub."""
    return section(
        "Pushing",
        option("--to", metavar="ID", help="The target. Default: ME/NAME-repaired."),
        option("--to-revision", metavar="BRANCH", help="A branch of the target."),
        option(
            "--pr",
            is_flag=True,
            help="Open a pull request on the source, or continue the one that is open.",
        ),
        option(
            "--in-place",
            is_flag=True,
            help="Write to the source's own repository; other weight formats and pickles there "
            "are deleted by the same commit.",
        ),
        option(
            "--keep-other-weights",
            is_flag=True,
            help="With --pr or --in-place: leave other weight formats and pickles there. They hold "
            "the weights as they were; the card warns of them, and `verify` does not pass.",
        ),
        option(
            "--delete",
            multiple=True,
            metavar="GLOB",
            help="Delete files at the target that no repair of ours wrote, by their names there; "
            "one under a name that the push writes is replaced. May be repeated.",
        ),
        option("--private", is_flag=True, help="Make the new repository private."),
        option(
            "--force",
            is_flag=True,
            help="Push a repair that failed, is undecided or unmeasured; its card says so first.",
        ),
    )
