"""The manifest: the one record from which card, verification and every report are made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    SerializationInfo,
    StringConstraints,
    model_validator,
)

from modelrepair.artifact.name_ranges import fold_keys, fold_sites, unfold_keys, unfold_sites
from modelrepair.evaluation.measures import Measures, TextRecord
from modelrepair.plugin.names import Scope, SubjectKind, Unit
from modelrepair.text.display import Glance, Glanced, figures
from modelrepair.text.published import published, without_paths

SCHEMA_VERSION: Literal[1] = 1
READ_BY = "0.1.0"
"""The lowest version of modelrepair that reads what this one writes."""
MANIFEST_NAME = "repair/manifest.json"
MOST_GLOBS = 100
LONGEST_GLOB = 1000
"""Globs of ``--include``, and letters of one."""

ModelRole = Literal["before", "reference", "after"]
Verdict = Literal["passed", "failed", "undecided", "unmeasured"]
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


def _fold(sites: tuple[SiteRecord, ...], info: SerializationInfo) -> list[dict[str, Any]]:
    return fold_sites(site.model_dump(mode=info.mode) for site in sites)


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


class Manifest(Glanced, Record):
    """Everything that is known about one repair.

    >>> Manifest.model_validate_json(path.read_text()).masked_share  # doctest: +SKIP
    0.005

    What follows from the files (``masked`` and ``norm_removed`` of the sites, ``masked_share``,
    ``files``, ``left_behind``, digests) `modelrepair.artifact.writer` adds; the rest is given.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    needs: Version = READ_BY
    """The lowest version of modelrepair that can read this manifest."""
    rules: Annotated[int, Field(ge=1)] = 1
    """The version of the gate's rules: `modelrepair.evaluation.gate.RULES`."""
    card: Annotated[int, Field(ge=1)] = 1
    """The version of the card's template: `modelrepair.artifact.card.TEMPLATES`."""
    tool: Tool
    edit: Literal["mask", "dense"] = "mask"
    subject: SubjectKind
    scope: Scope | None = None
    """None for a dense edit, as ``ratio``."""
    ratio: float | None = None
    unit: Unit | None = None
    """What is removed as one; None for a dense edit, and in an older manifest: entries."""
    scale: float = 0.0
    source: Origin
    """What the mask is exact against. After ``--merge`` the digests are the merged checkpoint's."""
    base: Origin | None = None
    """The model that an adapter adapts."""
    adapter: Origin | None = None
    """The adapter that was merged into ``base`` to make the source; None where none was."""
    reference: Origin | None = None
    reference_tensors: dict[str, Sha256] = Field(default_factory=dict)
    """For deltas: digest of the raw bytes of every reference tensor that an entry came from."""
    sites: Annotated[tuple[SiteRecord, ...], BeforeValidator(unfold_sites), PlainSerializer(_fold)]
    masked_share: float = 0.0
    """Masked (of a dense edit, changed) entries over all entries of the sites."""
    coverage: float
    """Share of the parameters in the blocks' matrices that are sites."""
    skipped: Annotated[dict[str, str], BeforeValidator(unfold_keys), PlainSerializer(fold_keys)] = (
        Field(default_factory=dict)
    )
    """Tensor → why it was not open to change; numbers in its name as for a site."""
    protect: float = 0.0
    preset: str | None = None
    scorer: ScorerRecord | None = None
    """What chose the mask; None for a dense edit."""
    repairer: RepairerRecord | None = None
    """What made a dense edit; None for a mask."""
    sets: dict[str, ExampleSetRecord]
    kinds: dict[str, KindRecord] = Field(default_factory=dict)
    """The kinds of benign prompts that the report asked; none with ``kind_examples`` 0."""
    judge: JudgeRecord | None = None
    methods: tuple[MethodRecord, ...] = ()
    """In order; time may have ended the last."""
    search: tuple[CandidateRecord, ...] = ()
    measures: dict[ModelRole, Measures] = Field(default_factory=dict)
    """On the report split; empty where nothing was measured."""
    text: TextRecord | None = None  # None where nothing was measured, and in an older manifest
    answers: dict[ModelRole, AnswersRecord] = Field(default_factory=dict)
    """What answered, where answers were left for later; empty where the repair's own engine did."""
    verdict: Verdict
    gate: dict[str, Plain] | None = None
    """`modelrepair.evaluation.gate.GateResult.to_json` as it is."""
    template: str
    templates: tuple[UnderTemplate, ...] = ()
    arithmetic: str = "float32"
    token_budget: int = 2048
    settings: dict[str, Plain] = Field(default_factory=dict)
    """Every option; ``settings["budgets"]`` holds the gate's numbers by name."""
    command: Text
    warnings: tuple[Text, ...] = ()
    metadata: dict[str, Plain] = Field(default_factory=dict)
    """What the card's front matter keeps of the source's: licence, language, gate text …"""
    licences: tuple[LicenceRecord, ...] = ()
    """The source's, and those of base and reference where they are others."""
    left_behind: dict[str, str] = Field(default_factory=dict)
    """Files of a source on the Hub that are not here, with the reason; of a folder, no names."""
    left_behind_kinds: dict[str, int] = Field(default_factory=dict)
    """How many files of each kind are not here."""
    rewritten: dict[str, str] = Field(default_factory=dict)
    """Kept files in which a local path became an id, and what was changed in them."""
    files: dict[str, Sha256] = Field(default_factory=dict)
    """Every file of the output but the card and this manifest."""
    run: Run

    @model_validator(mode="after")
    def _one_plugin(self) -> Self:
        of_mask, of_edit = self.scorer is not None, self.repairer is not None
        if (of_mask, of_edit) != ((True, False) if self.edit == "mask" else (False, True)):
            raise ValueError("a mask has a scorer, and a dense edit has a repairer")
        if self.edit == "mask" and (self.scope is None or self.ratio is None):
            raise ValueError("a mask has a scope and a ratio")
        return self

    def glance(self) -> Glance:
        """What was repaired, how, and what that did."""
        facts = {
            "subject": self.subject,
            "by": f"{self.by.name} ({self.by.distribution} {self.by.version})",
            "masked": f"{self.masked_share:.4%}",
            "coverage": f"{self.coverage:.1%}",
            "files": len(self.files),
        }
        title = f"Manifest of a repair of {self.source.id}: {self.verdict}"
        return Glance(title, facts, ("measure", *self.measures), figures(self.measures))

    @property
    def include(self) -> tuple[str, ...]:
        """Globs of the source's files that were taken along though the model does not need them."""
        globs = self.settings.get("include")
        given = globs if isinstance(globs, list) else []
        # A stranger's manifest may hold a million of them, which would take for ever to compare.
        short = [glob for glob in given if isinstance(glob, str) and len(glob) <= LONGEST_GLOB]
        return tuple(short[:MOST_GLOBS])

    @property
    def by(self) -> PluginRecord:
        """The scorer or the repairer."""
        plugin = self.scorer or self.repairer
        assert plugin is not None
        return plugin


def json_schema() -> dict[str, Any]:
    """The manifest's JSON Schema, as published in ``docs/manifest.schema.json``.

    >>> json_schema()["title"]
    'Manifest'
    """
    return Manifest.model_json_schema()
