"""The manifest: the one record from which card, verification and every report are made."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    SerializationInfo,
    model_validator,
)

from modelrepair.artifact.name_ranges import fold_keys, fold_sites, unfold_keys, unfold_sites
from modelrepair.artifact.records import (
    AnswersRecord,
    CandidateRecord,
    ExampleSetRecord,
    JudgeRecord,
    KindRecord,
    LicenceRecord,
    MethodRecord,
    ModelRole,
    Origin,
    Plain,
    PluginRecord,
    Record,
    RepairerRecord,
    Run,
    ScorerRecord,
    Sha256,
    SiteRecord,
    Text,
    Tool,
    UnderTemplate,
    Version,
)
from modelrepair.evaluation.measures import Measures, TextRecord
from modelrepair.plugin.names import Scope, SubjectKind, Unit
from modelrepair.text.display import Glance, Glanced, figures

SCHEMA_VERSION: Literal[1] = 1
READ_BY = "0.1.0"
"""The lowest version of modelrepair that reads what this one writes."""
MANIFEST_NAME = "repair/manifest.json"
MOST_GLOBS = 100
LONGEST_GLOB = 1000
"""Globs of ``--include``, and letters of one."""

Verdict = Literal["passed", "failed", "undecided", "unmeasured"]


def _fold(sites: tuple[SiteRecord, ...], info: SerializationInfo) -> list[dict[str, Any]]:
    return fold_sites(site.model_dump(mode=info.mode) for site in sites)


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
    def backwards(self) -> bool:
        """Whether the gate saw that the repair does harm; its verdict is "failed" then."""
        return bool((self.gate or {}).get("backwards"))

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
