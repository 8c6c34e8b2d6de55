"""Audits as a CycloneDX 1.7 bill of materials of machine-learning models.

What was found stands as properties of the component, not as vulnerabilities or annotations: a
finding has no id of a public list, and an annotation needs a time of its own. The time stands in
the metadata alone; the serial number is made of all the rest, so that the same audit of the same
bytes has the same one.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from modelrepair.auditing.addresses import hub, on_hub, path_of
from modelrepair.auditing.extra import extra
from modelrepair.auditing.inventory import Inventory, StatedMeasure
from modelrepair.auditing.results import NOT_RUN, Audit, Base
from modelrepair.auditing.rule import STAGES
from modelrepair.text.printable import printable
from modelrepair.version import version

if TYPE_CHECKING:
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component

PREFIX = "modelrepair:audit"
"""Of the names of our properties."""


def to_cyclonedx(audits: Iterable[Audit], made: datetime | None = None) -> dict[str, Any]:
    """The audits as one bill of materials.

    >>> bom = to_cyclonedx([Audit("user/model", "c0ffee")])
    >>> bom["metadata"]["component"]["purl"]
    'pkg:huggingface/user/model@c0ffee'

    Args:
        audits: of one model, which the bill is of, or of many, which are its components.
        made: when; now by default.

    Raises:
        UsageError: the extra ``audit`` is not installed.
    """
    with extra("cyclonedx", "cyclonedx"):
        from cyclonedx.model.bom import Bom, BomMetaData
        from cyclonedx.model.component import Component, ComponentType
        from cyclonedx.model.tool import ToolRepository
        from cyclonedx.output.json import JsonV1Dot7

    looked_at = list(audits)
    components = [_component(audit, f"model-{index}") for index, audit in enumerate(looked_at, 1)]
    tool = Component(name="modelrepair", type=ComponentType.APPLICATION, version=version(),
                     bom_ref="tool")  # fmt: skip
    one = components[0] if len(components) == 1 else None
    bom = Bom(
        components=[] if one else components,
        metadata=BomMetaData(
            tools=ToolRepository(components=[tool]),
            component=one,
            timestamp=made or datetime.now(UTC),
        ),
    )
    document: dict[str, Any] = json.loads(JsonV1Dot7(bom).output_as_string())
    named = {f"model-{index}": audit for index, audit in enumerate(looked_at, 1)}
    for component in [document["metadata"].get("component"), *document.get("components", ())]:
        if component and (card := model_card(named[component["bom-ref"]].inventory)):
            component["modelCard"] = card
    document["serialNumber"] = _serial(document)
    return document


def model_card(inventory: Inventory | None) -> dict[str, Any]:
    """The ``modelCard`` of a component, for which the library has no classes; empty without facts.

    >>> model_card(Inventory(family="llama"))
    {'modelParameters': {'architectureFamily': 'llama'}}

    Args:
        inventory: of the model; None where none was taken.
    """
    if inventory is None:
        return {}
    named = {"architectureFamily": inventory.family, "modelArchitecture": inventory.architecture}
    parameters = {name: printable(value) for name, value in named.items() if value is not None}
    card: dict[str, Any] = {"modelParameters": parameters} if parameters else {}
    if inventory.measures:
        metrics = [_metric(each) for each in inventory.measures]
        card["quantitativeAnalysis"] = {"performanceMetrics": metrics}
    return card


def _metric(measure: StatedMeasure) -> dict[str, Any]:
    limits = {"lowerBound": measure.low, "upperBound": measure.high}
    interval = {name: f"{limit:g}" for name, limit in limits.items() if limit is not None}
    said = f"{measure.n} examples, judge {measure.judge}, stated by {measure.stated_by}"
    metric: dict[str, Any] = {"type": measure.name, "value": f"{measure.value:g}"}
    metric["slice"] = printable(said)
    return {**metric, "confidenceInterval": interval} if interval else metric


def _component(audit: Audit, ref: str) -> Component:
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.exception.factory import InvalidSpdxLicenseException
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
    from cyclonedx.model.component import Component, ComponentType, Pedigree
    from cyclonedx.model.license import License

    inventory = audit.inventory or Inventory()
    make = LicenseFactory()

    def licence(text: str) -> License:
        try:
            return make.make_with_id(text)
        except InvalidSpdxLicenseException:
            return make.make_with_name(printable(text))

    pages = [] if audit.commit is None else [on_hub(audit.name, audit.commit)]
    return Component(
        **_identity(audit.name, audit.commit),
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=ref,
        licenses=[licence(each) for each in dict.fromkeys(inventory.licences)],
        external_references=[
            ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(hub() + each))
            for each in pages
        ],
        pedigree=None
        if audit.base is None
        else Pedigree(ancestors=[_ancestor(audit.base, f"{ref}/base")], notes=_notes(audit)),
        components=_files(inventory, ref),
        properties=_properties(audit),
    )


def _identity(name: str, commit: str | None) -> dict[str, Any]:
    """Group, name, version and address of a model."""
    from packageurl import PackageURL

    # A folder's own name: where it lies is no part of what it is.
    group, _, own = name.rpartition("/") if commit else ("", "", PurePath(name).name or name)
    purl = PackageURL("huggingface", group or None, own, commit) if commit and own else None
    return {
        "group": printable(group) or None,
        "name": printable(own),
        "version": commit,
        "purl": purl,
    }


def _ancestor(base: Base, ref: str) -> Component:
    from cyclonedx.model.component import Component, ComponentType

    identity = _identity(base.name, base.commit)
    return Component(**identity, type=ComponentType.MACHINE_LEARNING_MODEL, bom_ref=ref)


def _notes(audit: Audit) -> str:
    """Which base it is, and what the weights say to it."""
    assert audit.base is not None
    notes = [f"the base is named by {audit.base.named_by}"]
    if "lineage" not in audit.ran:
        notes.append("the weights were not compared with it")
    notes += [
        f"{each.rule.id} {each.rule.name}, {each.outcome}: {each.message}"
        for each in audit.findings
        if each.rule.stage == "lineage" and each.outcome != "clear"
    ]
    return printable("; ".join(notes))


def _files(inventory: Inventory, ref: str) -> list[Component]:
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.component import Component, ComponentType

    return [
        Component(
            name=printable(each.name),
            type=ComponentType.FILE,
            bom_ref=f"{ref}/file-{index}",
            hashes=[]
            if each.sha256 is None
            else [HashType(alg=HashAlgorithm.SHA_256, content=each.sha256)],
            properties=[
                Property(name=f"{PREFIX}:size", value=str(each.size)),
                *(
                    []
                    if each.git_blob is None
                    else [Property(name=f"{PREFIX}:git-blob", value=each.git_blob)]
                ),
            ],
        )
        for index, each in enumerate(inventory.files, 1)
    ]


def _properties(audit: Audit) -> Sequence[Property]:
    """Each rule's outcome, each stage that was not run, and why there is no audit."""
    from cyclonedx.model import Property

    said = {
        f"{PREFIX}:rule:{each.rule.id}": f"{_outcome(each.outcome, each.severity)}: "
        f"{each.rule.name}: {each.message}; {path_of(each.rule)}"
        for each in audit.findings
    }
    if audit.error is not None:
        said[f"{PREFIX}:error"] = f"not looked at: {audit.error}; {audit.error.hint}"
    else:
        missing = [stage for stage in STAGES if stage not in audit.ran]
        said |= {f"{PREFIX}:stage:{stage}": NOT_RUN for stage in missing}
    gaps = () if audit.inventory is None else audit.inventory.gaps
    said |= {f"{PREFIX}:gap:{index}": gap for index, gap in enumerate(gaps, 1)}
    return [Property(name=name, value=printable(value)) for name, value in said.items()]


def _outcome(outcome: str, severity: str) -> str:
    return f"found, {severity}" if outcome == "found" else outcome


def _serial(document: dict[str, Any]) -> str:
    """A UUID of everything but itself and the time."""
    rest = {name: value for name, value in document.items() if name != "serialNumber"}
    rest["metadata"] = {
        name: value for name, value in document["metadata"].items() if name != "timestamp"
    }
    content = json.dumps(rest, sort_keys=True, ensure_ascii=True)
    return uuid.uuid5(uuid.NAMESPACE_URL, content).urn
