"""The checks that plug-ins of every kind must pass: they look at how it is registered."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from importlib.metadata import EntryPoint
from typing import Any, get_type_hints

from modelrepair.plugin import hookspecs
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
    """Its hooks take what they are called with, and nothing more."""
    for hook, function in _hooks(subject):
        known = inspect.signature(getattr(hookspecs, hook)).parameters
        for parameter in inspect.signature(function).parameters.values():
            plain = parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
            if not plain or parameter.name not in known:
                takes = f"only with {', '.join(known)}" if known else "without arguments"
                raise Broken(f"{hook} takes {parameter}, and is called {takes}")


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


def _entry_points(subject: Subject) -> list[EntryPoint]:
    """The entry points of the plug-in's distribution that register plug-ins of its kind."""
    if subject.registered.digest is not None:
        raise NotApplicable("it is read from a file when it is chosen, and registered nowhere")
    own = subject.registered.distribution
    names = {
        plugin.entry_point
        for plugin in subject.registry.plugins
        if plugin.distribution == own and subject.kind.hook in plugin.hooks
    }
    return [
        point
        for point, distribution, _ in entry_points()
        if distribution == own and point.name in names
    ]


def _hooks(subject: Subject) -> Iterator[tuple[str, Any]]:
    """The hooks that the plug-in's distribution implements."""
    for point in _entry_points(subject):
        plugin = point.load()
        for hook in KINDS:
            if hasattr(plugin, hook):
                yield hook, getattr(plugin, hook)


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
        "Its hooks take what they are called with, as plain named arguments: any other is never "
        "passed.",
        hook_arguments,
        "… takes …, and is called without arguments",
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
