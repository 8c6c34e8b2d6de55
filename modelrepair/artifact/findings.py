"""What a verification found: each finding with its id, file and tensor; and what it verified."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from modelrepair.text.display import Glance, Glanced

Code = Literal[
    "manifest",
    "card",
    "mask",
    "values",
    "verdicts",
    "wrong-source",
    "wrong-reference",
    "wrong-base",
    "missing",
    "added",
    "changed",
    "line-ends",
    "outside-mask",
    "masked-value",
    "outside-edit",
    "edited-value",
    "count",
    "measure",
    "gate",
    "record",
    "picture",
    "attestation",
    "attested",
    "signature",
    "newer",
    "unreachable",
    "no-reference",
    "stored-values",
    "newer-attestation",
]


class Explained(NamedTuple):
    """What a code means, and what to do about it."""

    id: str
    means: str
    do: str


_AGAIN = "fetch the repaired model again; if that does not help, don't trust it"
_NAME_IT = "give what the manifest names, at its commit"

CODES: Mapping[Code, Explained] = {
    "manifest": Explained("MR-VER-001", "the manifest is missing or damaged", _AGAIN),
    "card": Explained(
        "MR-VER-002", "the card does not say what the manifest says", "don't trust the card"
    ),
    "mask": Explained("MR-VER-003", "the mask is damaged, or that of another repair", _AGAIN),
    "values": Explained(
        "MR-VER-004", "the stored values are damaged, or not those of the weights", _AGAIN
    ),
    "verdicts": Explained("MR-VER-005", "the measured examples can't be read", _AGAIN),
    "wrong-source": Explained("MR-VER-006", "this is not the source of the manifest", _NAME_IT),
    "wrong-reference": Explained(
        "MR-VER-007", "this is not the reference of the manifest", _NAME_IT
    ),
    "wrong-base": Explained("MR-VER-008", "this is not the base of the manifest", _NAME_IT),
    "missing": Explained("MR-VER-009", "a file of the repair is not there", _AGAIN),
    "added": Explained(
        "MR-VER-010",
        "a file that a loader may read is neither the source's nor the repair's",
        "remove it: weights as they were, or foreign code, would be loaded from it",
    ),
    "changed": Explained("MR-VER-011", "a file is not as source and manifest have it", _AGAIN),
    "line-ends": Explained(
        "MR-VER-012",
        "a text file differs in its line ends alone",
        "clone again after `git config --global core.autocrlf false`, or use `hf download`",
    ),
    "outside-mask": Explained(
        "MR-VER-013", "weights differ that the mask does not name", "don't trust this model"
    ),
    "masked-value": Explained(
        "MR-VER-014", "masked weights hold other values than they should", "don't trust this model"
    ),
    "outside-edit": Explained(
        "MR-VER-015", "weights differ that the manifest does not name", "don't trust this model"
    ),
    "edited-value": Explained(
        "MR-VER-016",
        "a new tensor is not the one that the manifest names",
        "don't trust this model",
    ),
    "count": Explained(
        "MR-VER-017", "the manifest's counts are not those of the files", "don't trust its figures"
    ),
    "measure": Explained(
        "MR-VER-018", "a measure does not follow from the examples", "don't trust its figures"
    ),
    "gate": Explained(
        "MR-VER-019", "the gate's verdict does not follow from the examples", "don't trust it"
    ),
    "record": Explained(
        "MR-VER-020",
        "the manifest leaves out or contradicts what it must say",
        "don't trust this repair",
    ),
    "picture": Explained(
        "MR-VER-021", "a picture holds more than a drawing", "don't open it in a browser"
    ),
    "attestation": Explained(
        "MR-VER-022",
        "the attestation is damaged, or no statement of a repair",
        "give the file that `modelrepair attest` wrote",
    ),
    "attested": Explained(
        "MR-VER-023",
        "the attestation does not say what the manifest and the files say",
        "don't trust the attestation: it is of another repair, or was changed",
    ),
    "signature": Explained(
        "MR-VER-024",
        "the attestation has no signature, or none by this key",
        "don't take it for the signer's; ask them for statement, signature and key",
    ),
    "newer": Explained(
        "MR-VER-101",
        "the repair was made by a later version: not everything can be checked",
        "upgrade: pip install --upgrade modelrepair",
    ),
    "unreachable": Explained(
        "MR-VER-102",
        "source, reference or base can't be reached: not everything can be checked",
        "check the network and the rights, or name a folder that holds it",
    ),
    "no-reference": Explained(
        "MR-VER-103",
        "there is no reference to compare the masked weights with",
        "name the reference with --reference",
    ),
    "stored-values": Explained(
        "MR-VER-104",
        "the masked weights were compared with stored values, not with the reference",
        "name the reference with --reference",
    ),
    "newer-attestation": Explained(
        "MR-VER-105",
        "the attestation is of a later version: it was not compared",
        "upgrade: pip install --upgrade modelrepair",
    ),
}
"""Every code with its lasting id. From MR-VER-101 on, nothing is wrong and not all is proven."""
_UNDECIDED = "MR-VER-101"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as the manifest says, or can't be checked.

    >>> Finding("added", "extra.json", None, "is in neither source nor manifest").line
    'MR-VER-010 added: extra.json: is in neither source nor manifest'
    """

    code: Code
    file: str
    tensor: str | None
    message: str

    @property
    def id(self) -> str:
        """The finding's lasting id."""
        return CODES[self.code].id

    @property
    def wrong(self) -> bool:
        """Whether something is wrong, and not only undecided."""
        return self.id < _UNDECIDED

    @property
    def line(self) -> str:
        """The finding as one line of text."""
        where = f"{self.file}: {self.tensor}" if self.tensor else self.file
        return f"{self.id} {self.code}: {where}: {self.message}"

    def to_json(self) -> dict[str, Any]:
        """Ready for ``--json``."""
        return {"id": self.id, **asdict(self), "hint": CODES[self.code].do}


@dataclass(frozen=True)
class About:
    """What was verified, as its manifest says.

    Args:
        repository: the repaired model's id; None for a folder.
        commit: what of it was looked at.
        source: the source's id or name; ``source_commit`` the commit that was repaired.
        edit: mask or dense; ``subject`` what was changed.
        verdict: the gate's.
        digest: the manifest's.
        summary: all of it in words, with the figures.
    """

    repository: str | None = None
    commit: str | None = None
    source: str | None = None
    source_commit: str | None = None
    edit: str | None = None
    subject: str | None = None
    verdict: str | None = None
    digest: str | None = None
    summary: str = ""


@dataclass(frozen=True, repr=False)
class Verification(Glanced):
    """The findings of one verification; none means that the manifest holds.

    Args:
        findings: everything that is not as it should be.
        checked: how many files, tensors, entries, masked entries and examples were looked at.
        notes: what lies beside the repair without being part of it, and the name that the card
            has for a renamed repository.
        inconclusive: what could not be decided, though nothing speaks against it.
        about: what was verified.
    """

    findings: tuple[Finding, ...]
    checked: Mapping[str, int]
    notes: tuple[str, ...] = ()
    inconclusive: tuple[Finding, ...] = ()
    about: About = About()

    @classmethod
    def of(
        cls,
        found: Iterable[Finding],
        checked: Mapping[str, int] | None = None,
        *,
        notes: Iterable[str] = (),
        about: About | None = None,
    ) -> Verification:
        """Part what is wrong from what could not be decided.

        >>> Verification.of([Finding("newer", "repair/manifest.json", None, "")]).exit_code
        7
        """
        found = tuple(found)
        return cls(
            findings=tuple(each for each in found if each.wrong),
            checked=dict(checked or {}),
            notes=tuple(notes),
            inconclusive=tuple(each for each in found if not each.wrong),
            about=about or About(),
        )

    def glance(self) -> Glance:
        """The result, what was checked, and the first thing that was found."""
        found = (*self.findings, *self.inconclusive)
        facts = {
            "about": self.about.summary if self.ok else "",
            "checked": ", ".join(f"{count:,} {name}" for name, count in self.checked.items()),
            "first finding": found[0].line if found else "",
            "findings": len(found) or None,
        }
        return Glance(f"Verification: {self.result}", facts)

    @property
    def ok(self) -> bool:
        """Whether all of it was checked, and nothing was found."""
        return not self.findings and not self.inconclusive

    @property
    def result(self) -> Literal["verified", "not verified", "inconclusive"]:
        """In words; a finding outranks what could not be decided."""
        if self.findings:
            return "not verified"
        return "inconclusive" if self.inconclusive else "verified"

    @property
    def exit_code(self) -> int:
        """0 verified, 1 not verified, 7 inconclusive."""
        return {"verified": 0, "not verified": 1, "inconclusive": 7}[self.result]

    def to_json(self) -> dict[str, Any]:
        """Ready for ``--json``."""
        about = asdict(self.about)
        about["source"] = {"id": about["source"], "commit": about.pop("source_commit")}
        return {
            "ok": self.ok,
            "result": self.result,
            **about,
            "findings": [finding.to_json() for finding in self.findings],
            "inconclusive": [finding.to_json() for finding in self.inconclusive],
            "checked": dict(self.checked),
            "notes": list(self.notes),
        }
