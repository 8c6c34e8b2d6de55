"""The parts of a manifest: what each of them holds, and what no text in them may hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
)

from modelrepair.evaluation.measures import Measures
from modelrepair.text.published import published, without_paths

ModelRole = Literal["before", "reference", "after"]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def _is_no_path(text: str) -> str:
    if text in ("", ".", "..") or text.startswith(("./", "../")) or text != without_paths(text):
        raise ValueError(f"expected a Hub id or a folder's name, got {text!r}")
    return text


Name = Annotated[str, AfterValidator(_is_no_path)]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6}){0,3}$")]
Text = Annotated[str, AfterValidator(published)]


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return published(str(value))


Plain = Annotated[JsonValue, BeforeValidator(_plain)]
"""JSON without paths and secrets; tuples become lists, infinity None, anything else its text."""


class Record(BaseModel):
    """What all parts of a manifest share: frozen, no unknown fields, no infinity, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Tool(Record):
    """The program that made the repair."""

    name: str = "modelrepair"
    version: str


class Origin(Record):
    """A model that went in: a Hub id (with a commit) or a folder's name, and its files."""

    id: Name
    hub: bool = False
    """Whether ``id`` names a repository on the Hub; a folder's name is none."""
    commit: str | None = None
    files: dict[str, Sha256] = Field(default_factory=dict)


class LicenceRecord(Record):
    """One licence of the source, or of the model that it was made from, as `Licence` has it."""

    id: Text | None
    """As the card names it; None where it names none."""
    name: Text
    url: Text
    """Where it can be read: an address, or a file beside the model."""
    rules: tuple[Text, ...] = ()
    """What is left to whoever publishes."""
    kept: tuple[Text, ...] = ()
    """What the card does already."""
    publishable: bool = True
    commercial: bool = True
    prefix: Text | None = None
    """What the name of a changed copy has to begin with."""
    phrase: Text | None = None
    """What has to be displayed; the card does."""
    notice: Text | None = None
    """What a file ``Notice`` beside the weights has to say."""
    of: Name | None = None
    """The base model whose card names it; None for the source's own."""


class SiteRecord(Record):
    """One tensor of the file that was open to change, and what became of it."""

    name: str
    """In the file, ``experts.{0-3,7}.w1.weight`` stands for those that differ in a number alone."""
    kind: str
    """The projection: ``q_proj``, ``down_proj``, ``experts.gate_up_proj`` …"""
    block: int | None
    shape: tuple[int, ...]
    entries: int
    masked: int = 0
    """Entries that were masked; of a dense edit, entries that changed."""
    norm_removed: float | None = 0.0
    """‖new − old‖ / ‖old‖ of the tensor; None where a norm is not finite."""
    digest: Sha256 | None = None
    """Of a tensor that a dense edit changed: SHA-256 of its new bytes."""
    tokens: dict[str, dict[int, int]] = Field(default_factory=dict)
    """Of a tensor of experts: set → expert (in the file: those with as many) → tokens of the score
    split routed to it, in the first round. One with none is not masked, and in ``skipped``."""


class PluginRecord(Record):
    """A plug-in with its options, and the distribution it came from."""

    name: str
    distribution: str
    version: str
    options: dict[str, Plain] = Field(default_factory=dict)
    api: int = 1


class ScorerRecord(PluginRecord):
    """The scorer that chose the mask."""


class RepairerRecord(PluginRecord):
    """The repairer that made the new tensors of a dense edit."""

    strength: float
    """Its knob's setting; of one that trains, the steps taken."""
    trains: bool = False
    models: dict[str, Origin] = Field(default_factory=dict)
    """Models that it used beside source and reference."""


class JudgeRecord(Record):
    """Who called answers harmful, refusals or harmless."""

    name: str
    distribution: str | None = None
    version: str | None = None
    options: dict[str, Plain] = Field(default_factory=dict)
    inputs: dict[str, Text] = Field(default_factory=dict)
    """What else its verdicts depend on: of a model, its id, commit and the digests of its files."""


class AnswersRecord(Record):
    """What answered for a model: a server, or this program as it measured that model alone."""

    engine: Text
    """``"unknown"`` where the server does not say."""
    version: Text = "unknown"
    model: Text
    """What the engine calls the model; a path by its last name."""
    route: Text
    """What took the prompts: of a server, ``completions`` or ``chat/completions``."""
    settings: dict[str, Plain] = Field(default_factory=dict)
    """How it was asked: greedily, and for how long an answer."""


class ExampleSetRecord(Record):
    """One example set by name, counts and digest; never its text."""

    id: Name
    commit: str | None = None
    licence: str | None = None
    counts: dict[str, int]
    """Examples of each split: ``{"score": 256, "select": 128, "report": 256}``."""
    digest: str
    dropped: int = 0
    """Examples left out because an earlier set has their prompt, or this one twice."""
    cut: int = 0
    """Examples whose text was cut at the maximal length."""


class KindRecord(Record):
    """One kind of benign prompts: where they come from, and whether the gate looks at it."""

    set: Name
    role: Literal["utility", "borderline"]
    digest: str
    """Of the set."""
    licence: str | None = None
    examples: int
    """Report examples that the source answered."""
    left_out: bool = False
    """Whether the source refuses or breaks more than half of them: then no other was asked."""


class UnderTemplate(Record):
    """Source and result under another chat template than the one that the repair was made with."""

    id: Name
    """The name of a file or folder, or an id on the Hub."""
    sha256: Sha256
    """Of the template's text."""
    measures: dict[ModelRole, Measures]
    """On the report split; no rule of the gate."""


class CandidateRecord(Record):
    """One candidate of the search: what a mask or an edit did on the select split."""

    scorer: str
    """The scorer, or the repairer."""
    round: int
    ratio: float
    """The share that was asked for; of a repairer, its strength."""
    share: float
    screen: dict[str, float | None] = Field(default_factory=dict)
    """Figures of the cheap screen: margin, utility loss …"""
    measures: Measures | None = None
    chosen: bool = False


class MethodRecord(Record):
    """What searched, how many rounds it took, and how many candidates answered prompts."""

    name: str
    rounds: int
    candidates: int
    eased: list[int] = Field(default_factory=list)
    """Rounds that found nothing more to mask, after which its penalty was smaller."""
    momentum: int | None = None
    """The first round that had momentum; None where none had."""
    halved: list[int] = Field(default_factory=list)
    """Rounds whose step was halved, since answers showed that it went too far."""


class Run(Record):
    """What differs between two runs that make the same repair: outside of the digest."""

    time: str
    """When the repair was written, ISO 8601 in UTC."""
    duration: float
    """Seconds."""
    max_time: float | None = None
    """Seconds after which the search was to end; None where it had no limit."""
    time_ended_search: bool = False
    device: str = "cpu"
    versions: dict[str, str] = Field(default_factory=dict)
    """Of python, torch, transformers and whatever else the arithmetic ran on."""
    inputs: dict[str, Text] = Field(default_factory=dict)
    """The digest of everything that was read, by name: what the same command must find again."""
