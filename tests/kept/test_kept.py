"""Repairs that were made once verify for ever, whatever later versions add."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from modelrepair import apply, verify
from modelrepair.artifact.card import TEMPLATES, CardTemplate
from modelrepair.artifact.reading import load_manifest
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.mask import open_mask
from modelrepair.errors import InconclusiveError
from modelrepair.evaluation.gate import RULES
from tests.kept.make import KEPT, MODELS, REPAIRS, models_of
from tests.support.small_repairs import make_repair

QUICK = [name for name in KEPT if name != "merged"]  # which takes torch

GROWN = """
import sys
from pydantic.fields import FieldInfo
from modelrepair.artifact import manifest as records
from modelrepair import verify
from tests.kept.make import REPAIRS, models_of

kinds = [each for each in vars(records).values()
         if isinstance(each, type) and issubclass(each, records.Record)]
assert len(kinds) > 10
for kind in kinds:
    kind.__pydantic_fields__["added_later"] = FieldInfo(annotation=str | None, default="new")
for _ in range(3):
    for kind in kinds:
        kind.model_rebuild(force=True)
assert records.Origin(id="a").model_dump()["added_later"] == "new"
for name in sys.argv[1:]:
    found = verify(REPAIRS / name, **models_of(name))
    assert found.exit_code == 0, (name, found)
"""


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_repair_verifies(name):
    verification = verify(REPAIRS / name, **models_of(name))
    assert verification.findings == () and verification.exit_code == 0, verification
    kind = {"dense": "entries have new values, made by turn"}.get(name, "of entries masked")
    assert kind in verification.about.summary
    expected = name if name in ("passed", "failed", "undecided") else None
    assert expected is None or verification.about.verdict == expected


def test_a_mask_that_does_not_name_its_unit_is_of_entries(tmp_path):
    made = load_manifest(REPAIRS / "no-unit")
    assert made.unit is None and "unit" not in open_mask(REPAIRS / "no-unit" / MASK_NAME).header
    assert open_mask(REPAIRS / "passed" / MASK_NAME).header["unit"] == "entry"
    for name in ("no-unit", "passed"):
        out = apply(REPAIRS / name, MODELS / "small", out=tmp_path / name)
        for file in out.glob("*.safetensors"):
            assert file.read_bytes() == (REPAIRS / name / file.name).read_bytes()


@pytest.mark.parametrize("part", ["manifest", "mask"])
def test_another_unit_is_of_a_newer_version(tmp_path, part):
    out = Path(shutil.copytree(REPAIRS / "passed", tmp_path / "out"))
    if part == "manifest":
        path = out / "repair" / "manifest.json"
        path.write_text(path.read_text().replace('"unit": "entry"', '"unit": "block"'))
    else:
        path = out / MASK_NAME
        path.write_bytes(path.read_bytes().replace(b'"unit":"entry"', b'"unit":"block"'))
    verification = verify(out, source=MODELS / "small")
    assert "MR-VER-101" in [finding.id for finding in verification.inconclusive]
    if part == "manifest":
        assert verification.exit_code == 7 and not verification.findings
    else:
        with pytest.raises(InconclusiveError, match="unit 'block', newer than"):
            apply(path, MODELS / "small", out=tmp_path / "rebuilt")


def test_a_field_added_to_every_record_breaks_none():
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", GROWN, *QUICK], check=True, cwd=root)


def second(monkeypatch) -> None:
    """A version 2 of rules and card, as a later version would bring it."""

    def body(manifest, place, digest):
        return f"Second edition of {digest}: {manifest.verdict}, {place.target}"

    monkeypatch.setitem(TEMPLATES, 2, CardTemplate(body, TEMPLATES[1].front))
    monkeypatch.setitem(RULES, 2, RULES[1])


@pytest.mark.parametrize("name", ["passed", "failed"])
def test_old_repairs_are_verified_by_their_own_rules_and_card(monkeypatch, name):
    second(monkeypatch)
    assert verify(REPAIRS / name, **models_of(name)).ok


def test_a_repair_of_version_two_is_inconclusive_to_version_one(tmp_path, monkeypatch):
    with monkeypatch.context() as later:
        second(later)
        made = make_repair(tmp_path, card=2, rules=2, needs="2.0")
        assert "Second edition of" in (made.out / "README.md").read_text()
        assert verify(made.out, source=made.source).ok
    verification = verify(made.out, source=made.source)
    assert (verification.exit_code, verification.findings) == (7, ())
    (finding,) = verification.inconclusive
    assert finding.id == "MR-VER-101" and "needs modelrepair ≥ 2.0" in finding.message


def test_a_lie_in_a_kept_repair_is_found(tmp_path):
    out = Path(shutil.copytree(REPAIRS / "failed", tmp_path / "failed"))
    card = out / "README.md"
    card.write_text(card.read_text().replace("The gate failed", "The gate passed"))
    found = verify(out, source=MODELS / "small").findings
    assert [finding.code for finding in found] == ["card"]
