"""The checks that plug-ins of every kind must pass: they look at how it is registered."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from typing import Any, get_type_hints

from modelrepair.errors import ModelRepairError
from modelrepair.plugin.checking import wrong_options
from modelrepair.plugin.loading import KINDS, entry_points
from modelrepair.plugin.options import convert, describe_options, parse_options
from modelrepair.plugin.options import typed_name as typed
from modelrepair.testing.checks import Broken, Check, NotApplicable
from modelrepair.testing.importing import measure
from modelrepair.testing.subject import Subject

MOST_SECONDS = 0.2
"""What registering may take beyond the import of `modelrepair.plugin`."""
TRIES = 2
"""A slow import is measured again: another program may have had the processor."""


def cheap_import(subject: Subject) -> None:
    """Registering it imports nothing heavy, and is quick."""
    values = [point.value for point in _entry_points(subject)]
    for last in range(TRIES):
        cost = measure(values)
        if cost.heavy:
            raise Broken(
                f"registering it imports {' and '.join(cost.heavy)}; import that where it is used"
            )
        if cost.seconds <= MOST_SECONDS:
            return
        if last == TRIES - 1:
            raise Broken(
                f"registering it takes {cost.seconds * 1000:.0f} ms, more than "
                f"{MOST_SECONDS * 1000:.0f} ms; import what takes long where it is used"
            )


def registered_once(subject: Subject) -> None:
    """Its name is its own."""
    same = [
        item for item in subject.kind.installed(subject.registry) if item.spec.name == subject.name
    ]
    who = [f"{item.distribution} {item.version}" for item in same]
    who += [
        f"{failure.distribution} {failure.version}"
        for failure in subject.registry.failures
        if failure.name == subject.name
    ]
    if len(who) > 1:
        raise Broken(f"the name {subject.name!r} is registered {len(who)} times: {', '.join(who)}")


def documented(subject: Subject) -> None:
    """It has a summary, and each option a help text."""
    summary = subject.spec.summary
    if not isinstance(summary, str) or not summary.strip():
        raise Broken("it has no summary")
    if len(summary.splitlines()) != 1:
        raise Broken("its summary has several lines")
    for option in describe_options(_options(subject)):
        if not option.help.strip():
            raise Broken(f"its option {option.name!r} has no help text")


def hook_arguments(subject: Subject) -> None:
    """Its hooks take what pluggy can pass: plain named arguments."""
    for hook, function in _hooks(subject):
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
                raise Broken(
                    f"{hook} takes {parameter}, which pluggy never passes: only plain named "
                    "arguments are seen"
                )


def options(subject: Subject) -> None:
    """Every default can be given as a value and typed as text."""
    declared = _options(subject)
    if declared is None:
        raise NotApplicable("it has no options")
    if wrong := wrong_options(declared):
        raise Broken(wrong)
    hints = get_type_hints(declared)
    for field in fields(declared):
        _round_trip(field, hints[field.name])
    given = parse_options(declared, subject.options, subject.name)
    again = {typed(field): getattr(given, field.name) for field in fields(declared)}
    if parse_options(declared, again, subject.name) != given:
        raise Broken("the same options, given again, make other options")


def _round_trip(field: Field[Any], annotation: Any) -> None:
    default = field.default
    if default is MISSING and field.default_factory is not MISSING:
        default = field.default_factory()
    if default is MISSING:
        return
    for given in (default, "none" if default is None else str(default)):
        try:
            read = convert(given, annotation)
        except ValueError:
            read = MISSING
        if read != default:
            raise Broken(
                f"the default of its option {typed(field)!r} is {default!r}, and another value "
                f"when {given!r} is given"
            )


def _options(subject: Subject) -> type[Any] | None:
    declared: type[Any] | None = getattr(subject.spec, "options", None)
    return declared


def _entry_points(subject: Subject) -> list[Any]:
    """The entry points of the plug-in's distribution."""
    if subject.registered.digest is not None:
        raise NotApplicable("it is read from a file when it is chosen, and registered nowhere")
    return [
        point
        for point, distribution, _ in entry_points()
        if distribution == subject.registered.distribution
    ]


def _hooks(subject: Subject) -> Iterator[tuple[str, Any]]:
    """The hooks that the plug-in's distribution implements."""
    for point in _entry_points(subject):
        try:
            plugin = point.load()
        except (Exception, SystemExit) as error:
            if isinstance(error, ModelRepairError):
                raise
            continue  # another entry point of the distribution: not what registers this plug-in
        for hook in KINDS:
            function = getattr(plugin, hook, None)
            if function is not None:
                yield hook, function


COMMON = (
    Check(
        "cheap-import",
        "Registering it, and asking its spec for `sets`, imports none of torch, transformers, "
        "TensorFlow and JAX, and takes under 200 ms more than `import modelrepair.plugin` "
        "(measured in an interpreter of its own; a slow run is repeated once).",
        cheap_import,
        "registering it imports …; import that where it is used · registering it takes … ms, more "
        "than 200 ms; import what takes long where it is used",
    ),
    Check(
        "registered-once",
        "Its name is registered once, and is not one of modelrepair's own.",
        registered_once,
        "the name … is registered … times: …",
    ),
    Check(
        "documented",
        "It has a summary of one line, and every option has a help text "
        '(`field(metadata={"help": …})`).',
        documented,
        "it has no summary · its summary has several lines · its option … has no help text",
    ),
    Check(
        "hook-arguments",
        "Its hooks take plain named arguments: pluggy never passes `*args`, `**kwargs` and "
        "arguments that are keyword-only.",
        hook_arguments,
        "… takes …, which pluggy never passes: only plain named arguments are seen",
    ),
    Check(
        "options",
        "Each default of its options is the same when it is given as a value, and when it is "
        "typed; options that are given again are the same options.",
        options,
        "the default of its option … is …, and another value when … is given · the same options, "
        "given again, make other options",
    ),
)
"""The first checks of every kind."""
