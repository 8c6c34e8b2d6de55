"""List and show plug-ins of one kind: what ``modelrepair scorers`` and ``repairers`` share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from rich.table import Table

from modelrepair.cli.output import Output
from modelrepair.plugin.loading import Registered
from modelrepair.plugin.options import describe_options
from modelrepair.plugin.registry import Registry, load_registry
from modelrepair.plugin.specs import RepairerSpec, ScorerSpec

Spec = TypeVar("Spec", ScorerSpec, RepairerSpec)


@dataclass(frozen=True)
class Listing(Generic[Spec]):
    """How plug-ins of one kind are listed and shown.

    Args:
        kind: of the plug-ins, in the plural, as the command is named.
        installed: all of this kind in a registry.
        named: the one of a name in a registry.
        columns: title and content of the table's columns between the summary and the origin.
        fields: what ``--json`` gives of a plug-in beyond what it gives of every kind.
        traits: the line of ``show`` about this kind's properties.
    """

    kind: str
    installed: Callable[[Registry], Sequence[Registered[Spec]]]
    named: Callable[[Registry, str], Registered[Spec]]
    columns: Mapping[str, Callable[[Spec], str]]
    fields: Callable[[Registered[Spec]], dict[str, Any]]
    traits: Callable[[Spec], str]


def list_plugins(output: Output, listing: Listing[Spec]) -> None:
    """Print all plug-ins of a kind, and a warning for each plug-in that could not be loaded.

    >>> list_plugins(output, SCORERS)  # doctest: +SKIP
    """
    registry = load_registry()
    for failure in registry.failures:
        output.note(f"Warning: plug-in not loaded: {failure}")
    for remark in registry.remarks:
        output.note(f"Warning: {remark}")
    items = listing.installed(registry)
    table = Table("name", "summary", *listing.columns, "distribution")
    for item in items:
        cells = [content(item.spec) for content in listing.columns.values()]
        where = f"{item.distribution} {item.version}"
        table.add_row(item.spec.name, item.spec.summary, *cells, where)
    shown = table if items else f"No {listing.kind}: they come with plug-ins."
    output.result({listing.kind: [_describe(item, listing) for item in items]}, shown)


def show_plugin(output: Output, listing: Listing[Spec], name: str) -> None:
    """Print one plug-in of a kind with its options.

    >>> show_plugin(output, SCORERS, "wanda")  # doctest: +SKIP

    Raises:
        UsageError: no plug-in offers it, or two do.
    """
    item = listing.named(load_registry(), name)
    spec = item.spec
    lines = [
        f"{spec.name}: {spec.summary}",
        f"from {item.distribution} {item.version}" + (f", {spec.url}" if spec.url else ""),
        listing.traits(spec),
    ]
    table = Table("option", "type", "default", "what it does")
    for option in describe_options(spec.options):
        table.add_row(option.name, option.type, option.default, option.help)
    output.result(
        _describe(item, listing), *lines, *([table] if table.row_count else ["no options"])
    )


def _describe(item: Registered[Spec], listing: Listing[Spec]) -> dict[str, Any]:
    """A plug-in as ``--json`` gives it."""
    spec = item.spec
    return {
        "name": spec.name,
        "summary": spec.summary,
        "distribution": item.distribution,
        "version": item.version,
        **listing.fields(item),
        "api": spec.api,
        "url": spec.url,
        "options": [asdict(option) for option in describe_options(spec.options)],
    }
