"""Options that several commands share, each declared once."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from modelrepair import ranks
from modelrepair.cli.helping import Context
from modelrepair.cli.output import Output
from modelrepair.cli.types import name_value, number_within, ratio
from modelrepair.settings.declared import choices_of, default_of, number_of, range_of

Function = TypeVar("Function", bound=Callable[..., Any])
Decorator = Callable[[Function], Function]

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)


class Option(click.Option):
    """An option that knows under which heading of the help it stands."""

    section = "Options"

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Refuse an empty value, as a variable of the shell that is not set leaves it."""
        if value == "" or (isinstance(value, (tuple, list)) and "" in value):
            raise click.BadParameter("it is empty", ctx, self)
        return super().type_cast_value(ctx, value)


option = functools.partial(click.option, cls=Option)


def setting(name: str, help: str, **more: Any) -> Decorator[Any]:
    """The option of a setting: its words or range, and its default, are those declared for it.

    >>> setting("max_length", "Tokens of an example.")(lambda: None).__click_params__
    [<Option max_length>]
    """
    kind, span = number_of(name), range_of(name)
    if words := choices_of(name):
        more["type"] = click.Choice(words)
    elif span is not None and kind is int:
        more["type"] = click.IntRange(min=cast(int, span.ge))
    elif span is not None and kind is float:
        more |= {"type": number_within(span), "metavar": "FLOAT"}
    elif kind is not None:
        more["type"] = kind
    if (default := default_of(name)) is not None:
        more["default"] = default
    return option(f"--{name.replace('_', '-')}", help=help, **more)


class Command(click.Command):
    """A command during whose work whatever others print goes to stderr."""

    context_class = Context

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; its own result goes out through `Output`, which kept the stdout."""
        with contextlib.redirect_stdout(sys.stderr):
            return super().invoke(ctx)

    def sections(self, ctx: click.Context) -> dict[str, list[click.Option]]:
        """The options by heading, in the order of their declaration."""
        sections: dict[str, list[click.Option]] = {}
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Option):
                title = parameter.section if isinstance(parameter, Option) else Option.section
                sections.setdefault(title, []).append(parameter)
        return sections

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under their headings."""
        for title, options in self.sections(ctx).items():
            records = [found.get_help_record(ctx) for found in options]
            with formatter.section(title):
                formatter.write_dl([record for record in records if record is not None])


NO_PLUGINS = "Load no plug-in of another package, as with an empty MODELREPAIR_PLUGINS."
"""The help of ``--no-plugins``, the same wherever it stands."""
EVENTS = "Write what is done, step by step, to this file: JSON Lines, see docs/events.md."
"""The help of ``--events``, likewise."""


def command(
    name: str, *, loads_plugins: bool = False, has_steps: bool = False, **settings: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of ours, with the two options that all have, and that of all that load plug-ins.

    >>> [each.name for each in command("mine", loads_plugins=True)(lambda output: None).params]
    ['json', 'debug', 'no_plugins']

    Args:
        name: of the command.
        loads_plugins: whether it loads those of other packages: then ``--no-plugins`` keeps it
            from doing so.
        has_steps: whether it shows a progress: then ``--events`` writes that to a file, too.
        settings: those of `click.command`.
    """

    def decorate(function: Callable[..., Any]) -> click.Command:
        @functools.wraps(function)
        def call(
            output: Output,
            *arguments: Any,
            json: bool,
            debug: bool,
            no_plugins: bool = False,
            events: Path | None = None,
            **options: Any,
        ) -> Any:
            # `Output` has read the first two already.
            if events is not None and not ranks.launched():  # the first rank says all
                from modelrepair.text.event_file import EventFile

                output = replace(output, events=EventFile(events))
            if not no_plugins:
                return function(output, *arguments, **options)
            from modelrepair.plugin.loading import ours_alone

            with ours_alone():
                return function(output, *arguments, **options)

        help_names = {"help_option_names": ["-h", "--help"], "show_default": True}
        declared = click.command(name, cls=Command, context_settings=help_names, **settings)(
            click.pass_obj(call)
        )
        declared.params += [
            Option(["--json"], is_flag=True, help="Print one JSON document and nothing else."),
            Option(["--debug"], is_flag=True, help="Show the traceback of an error."),
        ]
        if has_steps:
            declared.params.append(Option(["--events"], type=FILE, help=EVENTS))
        if loads_plugins:
            declared.params.append(Option(["--no-plugins"], is_flag=True, help=NO_PLUGINS))
        return declared

    return decorate


def section(title: str, *options: Decorator[Any]) -> Decorator[Any]:
    """Several options as one decorator, shown in this order under one heading."""

    def decorate(function: Any) -> Any:
        before = list(getattr(function, "__click_params__", ()))
        for add in reversed(options):
            function = add(function)
        for parameter in function.__click_params__:
            if parameter not in before and isinstance(parameter, Option):
                parameter.section = title
        return function

    return decorate


def base_option() -> Decorator[Any]:
    """What an adapter adapts."""
    return option(
        "--base",
        help="The model that an adapter adapts: a Hub id or a folder. Default: the id that its "
        "config names.",
    )


def source_options() -> Decorator[Any]:
    """What is repaired, and which tensors of it."""
    return section(
        "What is repaired",
        option("--revision", help="Branch, tag or commit of SOURCE on the Hub."),
        base_option(),
        option(
            "--merge",
            is_flag=True,
            help="Merge the adapter SOURCE into its base, and repair the whole model.",
        ),
        setting(
            "reference",
            "The aligned model that SOURCE was fine-tuned from: a Hub id, a folder, 'none', "
            "or 'auto' for an adapter's base or the one that its card declares.",
        ),
        setting(
            "subject",
            "What masking acts on: an adapter's factors, the difference from the reference, "
            "or the weight itself.",
        ),
        option(
            "--targets",
            multiple=True,
            metavar="GLOB",
            help="Only tensors whose name in the file matches; may be repeated.",
        ),
        option(
            "--exclude",
            multiple=True,
            metavar="GLOB",
            help="Leave these tensors out; may be repeated.",
        ),
        option(
            "--allow-partial",
            is_flag=True,
            help="Go on where less than 95 % of the parameters can be repaired.",
        ),
        option(
            "--include",
            multiple=True,
            metavar="GLOB",
            help="Take files of SOURCE along that the model does not need; may be repeated. Never "
            "weights, pickles, code or credentials.",
        ),
    )


def scorer_options() -> Decorator[Any]:
    """Which entries are chosen, and how many."""
    return section(
        "How entries are chosen",
        setting(
            "preset",
            "The published method: as its code runs it (an adapter's factors), or as its "
            "equations 1 to 3 say.",
        ),
        option(
            "--scorer",
            help="A name from `modelrepair scorers list`, or path/file.py:Class. Default: Wanda, "
            "then contrast where no Wanda repair meets the gate.",
        ),
        option(
            "--scorer-option",
            "scorer_options",
            type=name_value,
            multiple=True,
            metavar="NAME=VALUE",
            help="An option of the scorer; may be repeated.",
        ),
        setting("scope", "Where the highest scores are cut. Default: the scorer's own."),
        setting(
            "unit",
            "What is masked as one: an entry, an output row, an attention head, a neuron of an "
            "MLP; see docs/units.md. Default: the scorer's own.",
        ),
        option(
            "--ratio",
            type=ratio,
            metavar="FLOAT|auto",
            help="Share of the entries to mask, or 'auto' to search for it. Default: the "
            "preset's, else auto.",
        ),
    )


def judge_options() -> Decorator[Any]:
    """Who judges."""
    return section(
        "Measuring",
        setting(
            "judge",
            "Who calls an answer harmful, harmless or refusal: keyword, classifier, guard, "
            "or a plug-in's; see docs/judges.md.",
        ),
        option(
            "--judge-option",
            "judge_options",
            type=name_value,
            multiple=True,
            metavar="NAME=VALUE",
            help="An option of the judge; may be repeated.",
        ),
    )


def repairer_options() -> Decorator[Any]:
    """In place of a scorer: what gives whole matrices new values."""
    return section(
        "Repairers",
        option(
            "--repairer",
            help="In place of a scorer, a name from `modelrepair repairers list`: whole matrices "
            "get new values.",
        ),
        option(
            "--repairer-option",
            "repairer_options",
            type=name_value,
            multiple=True,
            metavar="NAME=VALUE",
            help="An option of the repairer; may be repeated.",
        ),
        setting(
            "strength",
            "Strength, in the repairer's own unit (steps for one that trains). Default: "
            "searched for.",
        ),
    )


def measuring_options() -> Decorator[Any]:
    """Who judges, and how long the answers are."""
    return section(
        "Measuring",
        judge_options(),
        setting("max_new_tokens", "Length of a generated answer."),
        setting(
            "max_thought_tokens", "Length of a thought before the answer, beside the answer's own."
        ),
        option(
            "--thought-markers",
            multiple=True,
            metavar='"OPEN CLOSE"',
            help="The marks around this model's thoughts, where its template and tokens don't "
            "name them; may be repeated.",
        ),
    )


def machine_options() -> Decorator[Any]:
    """Where and how it is computed."""
    return section(
        "Machine",
        setting("device", "'auto', 'cpu', 'cuda', 'cuda:1', 'mps' …"),
        setting("arithmetic", "Precision of the computation; the files keep theirs."),
        setting("token_budget", "Tokens of a batch; part of what makes a repair repeatable."),
        setting("seed", "Seed of whatever is drawn."),
    )
