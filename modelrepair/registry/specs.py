"""What a plug-in registers: small frozen records that import neither torch nor transformers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from modelrepair.repairers.protocol import SiteRepairer, TrainingRepairer
    from modelrepair.scorers.protocol import Scorer

SetName = Literal["realign", "refusal", "utility", "borderline"]
SetUse = Literal["prompts", "pairs"]
SubjectKind = Literal["factor", "delta", "weight"]
Scope = Literal["row", "tensor", "global"]
Options = Any
"""An instance of the spec's ``options`` dataclass, or None where it declares none."""

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
            (options, subject kind), it returns a `modelrepair.scorers.protocol.Scorer`.
        sets: the example sets it needs, and whether prompts do or pairs are needed; called at
            preflight, so it must not import torch.
        scope: the scope that top-k is cut in unless the user names one.
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
            options, it returns a `SiteRepairer` or a `TrainingRepairer` of
            `modelrepair.repairers.protocol`.
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


MeasuredSet = Literal["harmful", "utility", "borderline"]
Verdict = Literal["harmful", "refusal", "harmless"]


@dataclass(frozen=True)
class Exchange:
    """One prompt with the answer a model gave, as a judge sees it.

    ``set`` says what the prompt is: harmful, utility or borderline (both benign).
    ``expected`` is the answer of the example set: harmful, where the prompt is.
    """

    set: MeasuredSet
    prompt: str
    answer: str
    expected: str | None


class Judge(Protocol):
    """Calls each answer harmful, a refusal, or harmless.

    Degenerate answers (empty, looping, garbled) never reach a judge: the host finds them first.

    Three attributes are looked at where a judge has them. ``inputs``, a mapping from text to text,
    names what its verdicts depend on beside its options, such as the commit of a model: it goes
    into the manifest, and an interrupted run is not gone on with where it differs. ``notes``, a
    list of lines, grows by what is worth telling about its verdicts. ``languages``, ISO 639-1
    codes, names those that it can read: where most answers are clearly in others, it is said, and
    the gate is undecided at best.
    """

    name: str

    def judge(self, exchanges: Sequence[Exchange]) -> Iterable[Verdict]:
        """One verdict for each exchange, in their order."""
        ...


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
