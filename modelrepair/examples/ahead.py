"""What is known of an example set before it is fetched: its origin, its licence, its size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelrepair.examples.find import OWN_ANSWERS, hub_id, meant
from modelrepair.examples.formats import LINES
from modelrepair.examples.hub import HubId
from modelrepair.plugin.names import SetName
from modelrepair.source.hub_errors import hub_errors
from modelrepair.source.licences import terms_of
from modelrepair.text.typed_paths import from_home
from modelrepair.text.units import counted

COUNTED = 64 << 20
"""Bytes of the largest file whose lines are counted."""


@dataclass(frozen=True)
class SetAhead:
    """One example set, named and not read.

    Args:
        id: as the user names it.
        origin: where its rows are: in the package, a file, or a data set on the Hub.
        commit: the commit that is registered or was given; None for the newest and for files.
        licence: the id of its licence, or None where none is known.
        rows: how many rows it has before any filter, where that is known.
        filters: which of them are taken, ``column=value``.
        url: its page on the Hub; None for what is here already.
    """

    id: str
    origin: str
    commit: str | None = None
    licence: str | None = None
    rows: int | None = None
    filters: tuple[str, ...] = ()
    url: str | None = None

    @property
    def commercial(self) -> bool:
        """Whether no licence that is known excludes commercial use."""
        return self.licence is None or terms_of({"license": self.licence}).commercial

    @property
    def line(self) -> str:
        """All of it in one line.

        >>> set_ahead("beavertails", "realign").line  # doctest: +ELLIPSIS
        'beavertails: PKU-Alignment/BeaverTails:30k_train at 8401fe609d28, cc-by-nc-4.0 (not ...'
        """
        from_here = "no licence known" if self.url else None
        said = self.licence or from_here
        parts = [
            f"{self.origin} at {self.commit[:12]}" if self.commit else self.origin,
            said if self.commercial else f"{said} (not for commercial use)",
            None if self.rows is None else counted(self.rows, "row"),
            f"of which those with {', '.join(self.filters)}" if self.filters else None,
        ]
        return f"{self.id}: {', '.join(part for part in parts if part)}"


def set_ahead(
    text: str, name: SetName, filters: Sequence[str] = (), *, ask: bool = True
) -> SetAhead:
    """What is known of the set that a text names, from its registration or its card alone.

    >>> set_ahead("plain", "utility").origin, set_ahead("beavertails", "realign").licence
    ('in the package', 'cc-by-nc-4.0')

    Args:
        text: as for `find_set`.
        name: the role of the set.
        filters: those of the user.
        ask: whether the Hub may be asked about a set that is not registered.

    Raises:
        UsageError: no plug-in registered this name, or it is registered for another role.
        HubError: there is no such set on the Hub, or this account may not see it.
    """
    found = meant(text.removeprefix(OWN_ANSWERS), name)
    if isinstance(found, HubId):
        return _on_the_hub(text, found, tuple(filters), ask)
    if isinstance(found, Path):
        return SetAhead(text, "a file of yours", rows=_lines(found), filters=tuple(filters))
    spec = found.spec
    taken = (*spec.filter, *filters)
    if isinstance(spec.source, Path):
        rows = spec.rows if spec.rows is not None else _lines(spec.source)
        where = "in the package" if found.distribution == "modelrepair" else found.distribution
        return SetAhead(text, where, licence=spec.licence, rows=rows, filters=taken)
    wanted = hub_id(found)
    page = f"https://huggingface.co/datasets/{wanted.id}"
    return SetAhead(text, str(wanted), spec.revision, spec.licence, spec.rows, taken, page)


def _on_the_hub(text: str, wanted: HubId, filters: tuple[str, ...], ask: bool) -> SetAhead:
    from huggingface_hub import HfApi, constants

    card: Mapping[str, Any] = {}
    page = f"https://huggingface.co/datasets/{wanted.id}"
    if ask and not constants.HF_HUB_OFFLINE:
        with hub_errors(wanted.id, wanted.revision, kind="data set"):
            info = HfApi().dataset_info(wanted.id, revision=wanted.revision)
        card = dict(info.card_data.__dict__) if info.card_data else {}
    licences = [each.id for each in terms_of(card).licences if each.id]
    licence = ", ".join(licences) or None
    rows = _declared_rows(card, wanted.parts)
    return SetAhead(text, str(wanted), wanted.revision, licence, rows, filters, page)


def _declared_rows(card: Mapping[str, Any], parts: Sequence[str]) -> int | None:
    """How many rows the card gives the split that is meant, where it names just one such."""
    info = card.get("dataset_info")
    found = []
    for config in info if isinstance(info, list) else [info]:
        if not isinstance(config, dict) or not isinstance(config.get("splits"), list):
            continue
        for split in filter(lambda each: isinstance(each, dict), config["splits"]):
            name, rows = (split.get(key) for key in ("name", "num_examples"))
            names = {str(config.get("config_name", "default")), str(name)}
            if set(parts) - {""} <= names and isinstance(rows, int):
                found.append((str(name), rows))
    if len(found) > 1 and not parts:
        found = [each for each in found if each[0] == "train"]
    return found[0][1] if len(found) == 1 else None


def _lines(path: Path) -> int | None:
    """The rows of a file with one a line; of other forms they are not counted."""
    path = from_home(path)
    try:
        if path.suffix.lower() not in LINES or path.stat().st_size > COUNTED:
            return None
        with path.open("rb") as stream:
            return sum(1 for line in stream if line.strip())
    except OSError:
        return None
