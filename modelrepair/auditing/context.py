"""What the checks of an audit are given: the model, what it claims to come from, the choices."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelrepair.auditing.difference.difference import Difference, difference
from modelrepair.auditing.once import Once
from modelrepair.auditing.opened import Opened
from modelrepair.checkpoint.weight_files import BASE_KEY
from modelrepair.errors import InconclusiveError, ModelRepairError
from modelrepair.progress import Progress
from modelrepair.source.address import is_id

if TYPE_CHECKING:
    from modelrepair.auditing.behaviour.measured import Measuring


@dataclass(frozen=True)
class Claim:
    """Which model a model says that it comes from.

    Args:
        id: of the base on the Hub.
        where: what says so.
    """

    id: str
    where: str


@dataclass
class Context:
    """One model under audit.

    Args:
        target: the model.
        seed: of what is drawn: which parts of the weights are compared.
        base: what it is compared with; None where none is known.
        base_from: what names the base: a claim's place, or ``"--base"``.
        no_base: why there is none.
        base_error: what opening the base that it names ended in.
        candidates: other models that it may come from.
        lost_candidates: why others could not be opened, by the name that was given.
        progress: where long steps are shown.
        source: what a repair was made from, where it is not what the manifest names.
        reference: the reference that it was made with; likewise.
        measuring: what its answers are measured with; None where they are not.
    """

    target: Opened
    seed: int
    base: Opened | None = None
    base_from: str = ""
    no_base: str = "it names no base, and none was given"
    base_error: ModelRepairError | None = None
    candidates: tuple[Opened, ...] = ()
    lost_candidates: dict[str, str] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)
    source: str | Path | None = None
    reference: str | Path | None = None
    measuring: Measuring | None = None

    @property
    def known_base(self) -> Opened:
        """The base.

        Raises:
            InconclusiveError: none is known.
        """
        if self.base is None:
            raise InconclusiveError(self.no_base, hint="name one with --base")
        return self.base

    @Once
    def difference(self) -> Difference:
        """The whole difference to the base; worked out once for all rules that read it.

        Raises:
            InconclusiveError: no base is known.
            ModelRepairError: one of the two can't be downloaded or read.
        """
        return difference(self.target, self.known_base, self.seed, self.progress)


def claims(target: Opened) -> list[Claim]:
    """The bases that a model names: what loaders follow first, then what its card says.

    What ``config.json`` names as the folder that it was loaded from counts last: many name a
    folder of another machine, and an id there is whatever was loaded last.

    Args:
        target: the model.

    Raises:
        ModelRepairError: a file that says it can't be read.
    """
    found: list[tuple[Any, str]] = []
    if target.is_adapter:
        found += [(target.adapter_config.get(BASE_KEY), "adapter_config.json")]
    named = target.card.get("base_model")
    found += [(each, "its card") for each in (named if isinstance(named, list) else [named])]
    found += [(target.config.get("_name_or_path"), "config.json")]
    ids: dict[str, str] = {}
    for name, where in found:
        if isinstance(name, str) and is_id(name) and "/" in name and name != target.name:
            ids.setdefault(name, where)
    return [Claim(name, where) for name, where in ids.items()]
