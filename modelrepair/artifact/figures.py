"""Figures, shares and names as plain text in the tables of a card, and the card's template."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from modelrepair.evaluation.measures import Measure
from modelrepair.text.printable import printable

if TYPE_CHECKING:
    from jinja2 import Template

_ABSOLUTE = ("utility_loss", "perplexity")


def cell(value: object) -> str:
    r"""A value as plain text inside a Markdown table: no markup of its own, one line.

    >>> cell("a|b <c>\nd")
    'a\\|b &lt;c> d'
    """
    text = printable(" ".join(str(value).split()), unassigned=False)
    text = text.replace("<", "&lt;").replace("`", "'")
    return text.replace("|", "\\|").replace("[", "\\[")


def address(text: str) -> str:
    """An address as a link; anything else, such as a file's name, as plain text.

    >>> address("https://example.org/licence"), address("LICENSE"), address("javascript:x")
    ('<https://example.org/licence>', 'LICENSE', 'javascript:x')
    """
    plain = re.fullmatch(r"https://[\w.-]+/[\w./%~#?=&+-]*", text, re.ASCII)
    return f"<{text}>" if plain else cell(text)


def percent(share: float) -> str:
    """A share as a percentage with three digits that count.

    >>> percent(0.005), percent(0.25), percent(0.0000123)
    ('0.5 %', '25 %', '0.00123 %')
    """
    return f"{float(f'{100 * share:.3g}'):.12g} %"


def figure(measure: Measure | None, name: str = "") -> str:
    """A measure with its 95 % interval and n; a dash where it was not taken."""
    if measure is None:
        return "–"

    def shown(value: float | None) -> str:
        if value is None:
            return "?"
        return f"{value:.3f}" if name in _ABSOLUTE else f"{100 * value:.1f}"

    unit = "" if name in _ABSOLUTE else " %"
    interval = f"{shown(measure.low)} to {shown(measure.high)}"
    return f"{shown(measure.value)}{unit} ({interval}; n = {measure.n})"


def ratio(measure: Measure) -> str:
    """A quotient with its 95 % interval.

    >>> ratio(Measure(1.05, 2000, 1.0, None))
    '1.050 (1.000 to ?)'
    """
    low, high = ("?" if each is None else f"{each:.3f}" for each in (measure.low, measure.high))
    return f"{measure.value:.3f} ({low} to {high})"


def number(value: object) -> str:
    """A number with four digits that count; a dash for anything else.

    >>> number(0.123456), number(None)
    ('0.1235', '–')
    """
    return f"{value:.4g}" if isinstance(value, float | int) else "–"


@cache
def template(name: str) -> Template:
    """A template of the card, compiled once, with these functions as its filters.

    >>> template("v1.md.jinja").name
    'v1.md.jinja'
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "cards"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        address=address, cell=cell, percent=percent, figure=figure, number=number, ratio=ratio
    )
    return environment.get_template(name)
