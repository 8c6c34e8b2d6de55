"""What Python and a notebook show of a result: its figures, in a few lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from modelrepair.text.printable import printable

MOST_FACTS = 8
LONGEST = 60
"""Characters of a fact; the result itself holds all of it."""
MEASURES = ("harmful_score", "benign_refusal_rate", "degenerate_rate", "utility")
"""The measures that decide, in the order of the gate."""


@dataclass(frozen=True)
class Glance:
    """A result as a title, some facts, and a table of figures.

    >>> print(Glance("Plan of user/model", {"coverage": "99.1 %"}))
    <Plan of user/model
      coverage: 99.1 %>

    Args:
        title: what it is, and what came of it.
        facts: by name; an empty one is left out.
        columns: headings of the table, the first one that of its rows.
        rows: the table.
    """

    title: str
    facts: Mapping[str, object]
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()

    def __str__(self) -> str:
        lines = [f"{name}: {text}" for name, text in self._shown()]
        if self.rows:
            table = [self.columns, *self.rows]
            widths = [max(map(len, column)) for column in zip(*table, strict=True)]
            lines += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
        return "\n  ".join([f"<{printable(self.title)}", *lines]) + ">"

    def html(self) -> str:
        """The same for a notebook; whatever is in it is text there, and no markup."""
        facts = "".join(f"<li>{escape(name)}: {escape(text)}</li>" for name, text in self._shown())
        rows = "".join(_row(row, "td") for row in self.rows)
        table = f"<table>{_row(self.columns, 'th')}{rows}</table>" if rows else ""
        return f"<b>{escape(printable(self.title))}</b><ul>{facts}</ul>{table}"

    def _shown(self) -> list[tuple[str, str]]:
        known = [(name, str(fact)) for name, fact in self.facts.items() if fact not in ("", None)]
        return [(name, _short(printable(text))) for name, text in known[:MOST_FACTS]]


class Glanced:
    """A result that Python shows at a glance, with its figures, and not with all that it holds."""

    def glance(self) -> Glance:
        """What is shown of it."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return str(self.glance())

    def __str__(self) -> str:
        return str(self.glance())

    def _repr_html_(self) -> str:
        return self.glance().html()


def figures(columns: Mapping[Any, Any]) -> list[list[str]]:
    """A row for each measure that decides, one column a model.

    >>> from types import SimpleNamespace as Some
    >>> figures({"source": Some(utility=Some(value=0.75)), "repaired": Some(utility=None)})
    [['utility', '0.750', '–']]

    Args:
        columns: by model, its measures.
    """
    rows = []
    for name in MEASURES:
        found = [getattr(measures, name, None) for measures in columns.values()]
        if any(each is not None for each in found):
            rows.append([name, *("–" if each is None else f"{each.value:.3f}" for each in found)])
    return rows


def _row(cells: Sequence[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
