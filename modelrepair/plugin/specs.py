"""What a plug-in registers: small frozen records that import neither torch nor transformers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modelrepair.plugin.judge import Judge
from modelrepair.plugin.names import Options, Scope, SetName, SetUse, SubjectKind, Unit

if TYPE_CHECKING:
    from modelrepair.plugin.repairer import SiteRepairer, TrainingRepairer
    from modelrepair.plugin.scorer import Scorer

Needs = Callable[[Options, SubjectKind], Mapping[SetName, SetUse]]
ScorerFactory = Callable[[Options, SubjectKind], "Scorer"]


@dataclass(frozen=True)
class ScorerSpec:
    """One importance scorer that a plug-in offers.

    >>> def sets(options, subject_kind):
    ...     return {"realign": "pairs"}
    >>> ScorerSpec("mine", "scores by my rule", load="my_package:MyScorer", sets=sets).scope
    'row'

    Args:
        name: what users type after ``--scorer``.
        summary: one line for ``modelrepair scorers list``.
        load: ``"package.module:Class"``, resolved when chosen, or a factory; called with
            (options, subject kind), it returns a `Scorer`.
        sets: the example sets it needs, and whether prompts do or pairs are needed; called at
            preflight, so it must not import torch.
        scope: the scope that top-k is cut in unless the user names one; ``"row"`` is
            ``"tensor"`` where a unit is larger than an entry.
        gradients: whether any of its accumulators reads output gradients.
        iterative: whether it is to be asked again after each step of the ratio.
        signed: whether only scores above zero are eligible.
        refill: of a signed scorer: whether the next ones take the places of entries that are not
            eligible. Without, scores are ranked by size, and what has a place and is not above
            zero leaves it empty: the mask may be smaller than the ratio.
        options: a frozen dataclass whose fields (name, type, default, ``metadata["help"]``) are
            the scorer's options; None where it has none.
        api: version of the interface it was written for.
        url: where it is documented.
        unit: what is removed as one unless the user says it: ``"entry"``, ``"row"``, ``"head"``
            or ``"neuron"``. The score of a unit is the mean of its entries' scores.
    """

    name: str
    summary: str
    load: str | ScorerFactory
    sets: Needs
    scope: Scope = "row"
    gradients: bool = False
    iterative: bool = False
    signed: bool = False
    refill: bool = True
    options: type | None = None
    api: int = 1
    url: str | None = None
    unit: Unit = "entry"


RepairerFactory = Callable[[Options], "SiteRepairer | TrainingRepairer"]


def no_models(options: Options) -> Mapping[str, str]:
    """No model beside source and reference.

    >>> no_models(None)
    {}
    """
    return {}


@dataclass(frozen=True)
class RepairerSpec:
    """One way to repair by new values for whole matrices: projection, merging, training.

    >>> RepairerSpec("mine", "halves every matrix", load="my_package:Mine",
    ...              sets=lambda options: {}).reference
    False

    Args:
        name: what users type after ``--repairer``.
        summary: one line for ``modelrepair repairers list``.
        load: ``"package.module:Class"``, resolved when chosen, or a factory; called with the
            options, it returns a `SiteRepairer` or a `TrainingRepairer`.
        sets: the example sets it needs, and whether prompts do or pairs are needed; called at
            preflight, so it must not import torch.
        reference: whether it needs the aligned reference.
        models: other models that it needs, by a name of its own: Hub ids or folders, as its
            options say.
        gradients: whether any of its accumulators reads output gradients.
        trains: whether it trains: the whole model must fit into memory, with its gradients.
        options: a frozen dataclass, as in `ScorerSpec`; None where it has none.
        api: version of the interface it was written for.
        url: where it is documented.
        copies: of one that trains, how many copies of the model in float32 it holds at once; four
            are weights, gradients and the two moments of Adam.
    """

    name: str
    summary: str
    load: str | RepairerFactory
    sets: Callable[[Options], Mapping[SetName, SetUse]]
    reference: bool = False
    models: Callable[[Options], Mapping[str, str]] = no_models
    gradients: bool = False
    trains: bool = False
    options: type | None = None
    api: int = 1
    url: str | None = None
    copies: int = 4


@dataclass(frozen=True)
class JudgeSpec:
    """One judge that a plug-in offers.

    >>> JudgeSpec("mine", "judges by my rule", load="my_package:MyJudge").options is None
    True

    Args:
        name: what users type after ``--judge``.
        summary: one line that says how it judges.
        load: ``"package.module:Class"``, resolved when chosen, or a factory; called with the
            options, it returns a `Judge`.
        options: a frozen dataclass whose fields are the judge's options, as in `ScorerSpec`;
            None where it has none: then ``load`` is called with None.
        api: version of the interface it was written for.
        url: where it is documented.
    """

    name: str
    summary: str
    load: str | Callable[[Options], Judge]
    options: type | None = None
    api: int = 1
    url: str | None = None


@dataclass(frozen=True)
class ExampleSetSpec:
    """One example set that a plug-in offers by name.

    >>> ExampleSetSpec("mine", "prompts of my own", source="me/prompts:train", roles=("utility",),
    ...                columns={"prompt": "text"}, filter=("lang=en",)).filter
    ('lang=en',)

    Args:
        name: what users type after ``--realign``, ``--utility`` …
        summary: one line that says what it holds.
        source: ``org/name[:config][:split]`` on the Hub, or the path of a file or folder.
        roles: what it may serve as; anything else is a mistake of the user.
        revision: the commit on the Hub; without one the branch is looked up, and it is said.
        folder: of a set on the Hub, the only folder that is read.
        columns: field → column, where they have other names than usual.
        filter: ``column=value``; those of the user come on top.
        licence: where its card on the Hub declares none; shown before the set is fetched.
        rows: how many it has before any filter, where that is known; shown before it is fetched.
        api: version of the interface it was written for.
        url: where it is documented.
    """

    name: str
    summary: str
    source: str | Path
    roles: tuple[SetName, ...]
    revision: str | None = None
    folder: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    filter: tuple[str, ...] = ()
    licence: str | None = None
    api: int = 1
    url: str | None = None
    rows: int | None = None
