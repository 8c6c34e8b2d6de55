"""The command line: which commands there are, and the one place where errors become exit codes."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click

from modelrepair import ranks
from modelrepair.cli.errors import INTERRUPTED, explain
from modelrepair.cli.helping import Context
from modelrepair.cli.output import Output
from modelrepair.cli.signals import Ending
from modelrepair.errors import GateError
from modelrepair.source.patience import heard
from modelrepair.text.narrow import NARROW

COMMANDS = {
    "fix": "Repair SOURCE, a folder or a model on the Hub, and measure what that did.",
    "plan": "Say what repairing SOURCE would take: will it run, on what, to where, memory, time.",
    "measure": "Measure MODEL, a folder or a model on the Hub, on sets; nothing is changed.",
    "decide": "Decide OUT, a repair by `fix --answer-later`, by what servers answer.",
    "apply": "Apply MASK to SOURCE: bit for bit the repaired weights.",
    "push": "Push FOLDER, a repaired model, to the Hub in one commit.",
    "verify": "Check REPAIRED against its source: every file, every entry, every figure.",
    "attest": "Write an in-toto statement of FOLDER, a repaired model.",
    "audit": "Look at TARGET, a folder or a model on the Hub, without trusting it.",
    "scorers": "List the scorers that are installed, or show one with its options.",
    "repairers": "List the repairers that are installed, or show one with its options.",
    "plugins": "List the plug-ins that are installed, check one, or begin one.",
    "demo": "Repair a small poisoned model of a made-up world, without any download.",
}
"""The commands with what each does: the list of them imports none."""


TOGETHER = (("fix",), ("lab", "align"), ("lab", "attack"))
"""Commands whose ranks share the work; of any other the first rank does it alone."""
OF_ONE_RANK = (3, 4, 5, 70)
"""Exit codes of what may befall one rank alone: it speaks then, as the first always does."""
OF_ONE_MACHINE = (2, 6, 7)
"""Those of what all ranks of a machine run into: a file that is not there, or is another one."""


class LazyGroup(click.Group):
    """Imports the module of a command when that command is asked for."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands of ours, in the order of a repair."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now: ours, or one that another package adds."""
        if cmd_name not in COMMANDS:
            from modelrepair.plugin.commands import find_commands, load_command

            return load_command(cmd_name, find_commands(COMMANDS))
        command: click.Command = importlib.import_module(f"modelrepair.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but with the names of all commands, of which none is imported."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            from modelrepair.plugin.commands import find_commands

            names = [*COMMANDS, *(each.name for each in find_commands(COMMANDS))]
            raise click.exceptions.NoSuchCommand(error.command_name, None, names, ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Ours, then those of other packages, of which nothing is imported for that."""
        from modelrepair.plugin.commands import find_commands

        room = formatter.width - 6 - max(map(len, COMMANDS))
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, click.Command(name, help=text).get_short_help_str(room))
                    for name, text in COMMANDS.items()
                ]
            )
        added = {
            each.name: f"{each.summary} ({each.distribution})"
            for each in find_commands(COMMANDS)
            if each.status == "active"
        }
        if added:
            with formatter.section("Commands of plug-ins"):
                formatter.write_dl(list(added.items()))


def _print_version(ctx: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if asked:
        from modelrepair.version import version

        click.echo(f"modelrepair {version()}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Repair fine-tuned language models whose safety alignment was broken, with proof."""


def run(arguments: Sequence[str], output: Output | None = None) -> int:
    """Run one command and give its exit code; catches all but SystemExit of third-party code.

    >>> run(["scorers", "show", "wnada"])
    2
    """
    output = output or output_of(arguments)
    _prepare_environment(output)
    try:
        with heard(output.note):
            code = cli.main(
                args=list(arguments), prog_name="modelrepair", standalone_mode=False, obj=output
            )
    except click.exceptions.NoArgsIsHelpError as error:
        output.help(error.format_message())
        return error.exit_code
    except (Exception, KeyboardInterrupt) as error:
        failure = explain(error)
        spoken = (*OF_ONE_RANK, *(OF_ONE_MACHINE if ranks.first_here() else ()))
        if ranks.launched() and failure.exit_code in spoken:
            output = replace(output, stderr=sys.stderr)
            failure = replace(failure, message=f"rank {ranks.launched()}: {failure.message}")
        output.failure(failure, error)
        return failure.exit_code
    return code if isinstance(code, int) else 0


def main() -> NoReturn:
    """The console script."""
    arguments = sys.argv[1:]
    if not any(tuple(arguments[: len(words)]) == words for words in TOGETHER):
        if ranks.launched():
            sys.exit(0)
        ranks.stay_alone()
    output = output_of(arguments)
    if ranks.launched():
        nowhere = Path(os.devnull).open("w")  # noqa: SIM115 (open to the end)
        output = replace(output, stdout=nowhere, stderr=nowhere)
    interrupted = KeyboardInterrupt()
    ending = Ending(lambda: output.failure(explain(interrupted), interrupted))
    ending.watch()
    code = run(arguments, output)
    if ranks.launched() and code == GateError.exit_code:
        code = 0  # only the first rank ends with the verdict's code
    ending.say()
    if code == INTERRUPTED:
        ending.leave()
    sys.exit(code)


def output_of(arguments: Sequence[str]) -> Output:
    """How a command speaks; read before it is parsed, because parsing may be what fails."""
    for stream in (sys.stdout, sys.stderr):
        # What the terminal or file can't hold is written as an escape, and does not end the run.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=NARROW)
    return Output("--json" in arguments, "--debug" in arguments, typed=tuple(arguments))


def _prepare_environment(output: Output) -> None:
    # Threads that wait by spinning take the cores from whoever else computes. The library reads
    # this when torch loads it, which no command has done yet.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if not output.debug:
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if not output.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
