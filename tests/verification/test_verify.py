"""A whole repair, and every forgery of one: what `verify` finds, and what it cannot decide."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.reading import load_manifest
from modelrepair.artifact.verdicts import VERDICTS_NAME
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.bits import masked_values
from modelrepair.checkpoint.digests import sha256_file
from modelrepair.checkpoint.values import VALUES_NAME
from modelrepair.errors import InconclusiveError, UnsupportedModelError
from modelrepair.verification.masked_values import STORED
from modelrepair.verification.rebuild import apply
from modelrepair.verification.verify import verify
from tests.support.forgeries import EDITS
from tests.support.small_repairs import (
    SITES,
    make_checkpoint,
    make_repair,
    raw_of,
    write_entry,
)
from tests.support.verifying import (  # noqa: F401
    check,
    codes,
    edit_manifest,
    made_fixture,
    seal,
    undecided,
    untouched_fixture,
)


@pytest.mark.quick(
    "0.0-weight-BF16-False", "0.0-delta-F32-True", "0.75-weight-F32-True", "0.75-delta-BF16-False"
)
@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("dtype", ["BF16", "F32"])
@pytest.mark.parametrize("subject", ["weight", "delta"])
@pytest.mark.parametrize("scale", [0.0, 0.75])
def test_what_is_written_verifies_and_can_be_rebuilt(tmp_path, sharded, dtype, subject, scale):
    made = make_repair(tmp_path, dtype=dtype, sharded=sharded, subject=subject, scale=scale)
    verification = check(made)
    assert verification.findings == () and verification.ok
    assert verification.checked["masked"] == sum(map(len, made.masks.values()))
    assert verification.checked["examples"] == 1200
    for name, positions in made.masks.items():
        old, new = raw_of(made.source, name).reshape(-1), raw_of(made.out, name).reshape(-1)
        aligned = made.reference and raw_of(made.reference, name).reshape(-1)[positions]
        expected = masked_values(old[positions], dtype, aligned, dtype, scale)
        assert np.array_equal(new[positions], expected)
        old[positions] = expected
        assert np.array_equal(old, new)
    rebuilt = apply(made.out / MASK_NAME, made.source, reference=made.reference, out=tmp_path / "r")
    for path in rebuilt.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (made.out / path.relative_to(rebuilt)).read_bytes()


def test_dtypes_of_source_and_reference_may_differ(tmp_path):
    made = make_repair(tmp_path, subject="delta", scale=0.75, reference_dtype="F32")
    assert check(made).findings == ()


def test_one_bit_outside_the_mask(made):
    name = SITES[1]
    free = next(i for i in range(48) if i not in made.masks[name])
    write_entry(made.out, name, free, int(raw_of(made.out, name).reshape(-1)[free]) ^ 1)
    findings = check(made).findings
    assert [finding.code for finding in findings] == ["outside-mask", "changed"]
    assert findings[0].tensor == name
    assert findings[0].message == f"1 entries outside the mask differ, first {free}"


def test_one_bit_in_a_tensor_that_is_no_site(made):
    write_entry(made.out, "layers.0.norm.weight", 3, 1)
    assert codes(made) == ["outside-mask", "changed"]


def test_one_masked_entry_put_back(made):
    name = SITES[0]
    position = int(made.masks[name][2])
    write_entry(made.out, name, position, int(raw_of(made.source, name).reshape(-1)[position]))
    finding = check(made).findings[0]
    assert (finding.code, finding.tensor) == ("masked-value", name)
    assert finding.message.endswith(f"first {position}")


def test_header_bytes_and_length(made):
    path = made.out / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"pt"', b'"tp"'))
    assert codes(made) == ["changed", "changed"]
    path.write_bytes(content[:-1])
    findings = check(made).findings
    assert [finding.code for finding in findings] == ["changed"]
    assert "bytes" in findings[0].message


@pytest.mark.parametrize(("edit", "code"), EDITS)
def test_an_edited_manifest(made, edit, code):
    edit_manifest(made, edit)
    found = codes(made)
    assert code in found
    assert "card" in found


def test_a_manifest_that_is_no_manifest(made):
    edit_manifest(made, lambda m: m.pop("schema_version"))
    assert codes(made) == ["manifest"]
    (made.out / MANIFEST_NAME).write_text("{")
    assert codes(made) == ["manifest"]
    (made.out / MANIFEST_NAME).unlink()
    assert codes(made) == ["manifest"]


def test_a_verdict_that_is_better_than_the_examples(tmp_path):
    from tests.support.small_repairs import results

    measured = {"before": results(200), "after": results(180)}
    made = make_repair(tmp_path, measured=measured)
    assert made.manifest.verdict == "failed" and codes(made) == []
    edit_manifest(made, lambda m: m.update(verdict="passed"))
    assert codes(made) == ["card", "gate"]


def test_claims_without_measurements(tmp_path):
    made = make_repair(tmp_path, measured={})
    assert codes(made) == []
    edit_manifest(made, lambda m: m.update(verdict="passed"))
    assert codes(made) == ["card", "gate"]


def test_verdicts_that_are_damaged_or_incomplete(made):
    path = made.out / VERDICTS_NAME
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[1:]))
    assert set(codes(made)) == {"changed", "measure", "gate"}
    for damage in ("{", '{"set": "harmful", "index": "x"}', '{"set": "x", "index": 1}', "[]"):
        path.write_text(damage)
        assert codes(made) == ["changed", "verdicts"]
    for damage in ({"x": {}}, {"after": {"verdict": "good"}}, {"after": {"hits": "1"}}):
        path.write_text(json.dumps({"set": "harmful", "index": 1, **damage}))
        assert codes(made) == ["changed", "verdicts"]
    path.write_bytes(b"\xff")
    assert codes(made) == ["changed", "verdicts"]
    path.write_text("\n".join([*lines, lines[0]]))
    assert codes(made)[0] == "changed"
    path.unlink()
    assert codes(made) == ["missing", "verdicts"]


def test_another_source_is_said_in_one_line(made, tmp_path):
    other = make_checkpoint(tmp_path / "other", seed=7)
    verification = check(made, source=other)
    assert [finding.code for finding in verification.findings] == ["wrong-source"]
    assert "user/model at 0123" in verification.findings[0].line
    (other / "config.json").write_text("{}")
    assert "1 more files" in check(made, source=other).findings[0].message
    (other / "config.json").unlink()
    assert "no such file, expected sha256" in check(made, source=other).findings[-1].message
    with pytest.raises(UnsupportedModelError):
        check(made, source=tmp_path / "nowhere")


def test_another_reference_is_said_in_one_line(tmp_path):
    made = make_repair(tmp_path, subject="delta")
    other = make_checkpoint(tmp_path / "other", seed=7)
    findings = check(made, reference=other).findings
    assert [finding.code for finding in findings] == ["wrong-reference"]
    assert "org/base" in findings[0].line
    (other / "model.safetensors").unlink()
    from tests.support.small_repairs import write_safetensors

    write_safetensors(other / "model.safetensors", {"x": np.zeros(1, np.uint16)}, "BF16")
    assert "no such tensor" in check(made, reference=other).findings[0].message
    assert undecided(made, reference=None) == ["no-reference"]


@pytest.mark.parametrize(("subject", "notes"), [("weight", 1), ("delta", 0)])
def test_a_reference_that_proves_nothing_is_said_to_be_left_out(tmp_path, subject, notes):
    made = make_repair(tmp_path, subject=subject)
    other = made.reference or make_checkpoint(tmp_path / "other", seed=9)
    found = verify(made.out, source=made.source, reference=other)
    assert found.ok
    assert sum("reference was not looked at" in note for note in found.notes) == notes


def test_stored_values_stand_in_for_a_private_reference(tmp_path):
    made = make_repair(tmp_path, subject="delta", scale=0.75, store_values=True)
    assert codes(made) == []
    verification = check(made, reference=None)
    assert [each.message for each in verification.inconclusive] == [STORED]
    assert (verification.exit_code, verification.findings) == (7, ())
    name = SITES[0]
    write_entry(made.out, name, int(made.masks[name][0]), 7)
    assert codes(made, reference=None) == ["masked-value", "changed", "values"]


def test_stored_values_of_another_repair(tmp_path):
    made = make_repair(tmp_path / "a", store_values=True)
    other = make_repair(tmp_path / "b", scale=0.5, store_values=True)
    (made.out / VALUES_NAME).write_bytes((other.out / VALUES_NAME).read_bytes())
    assert set(codes(made)) == {"changed", "values"}
    (made.out / VALUES_NAME).write_bytes(b"")
    assert codes(made) == ["changed", "mask"]


def test_damaged_and_foreign_masks(made, tmp_path):
    path = made.out / MASK_NAME
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert codes(made) == ["changed", "mask"]
    path.write_bytes(content[:-1])
    assert codes(made) == ["changed", "mask"]
    for old, new in (
        (b"modelrepair-mask", b"modelrepair-musk"),
        (b'"0.0"', b'"nan"'),
        (b'"scale"', b'"scole"'),
        (b"layers.0.q_proj", b"layers.9.q_proj"),
    ):
        path.write_bytes(content.replace(old, new))
        assert codes(made) == ["changed", "mask"]
    other = make_repair(tmp_path / "other", scale=0.75)
    path.write_bytes((other.out / MASK_NAME).read_bytes())
    found = codes(made)
    assert found[0] == "changed" and {"mask", "masked-value"} <= set(found)
    path.unlink()
    assert codes(made) == ["missing", "mask"]


@pytest.mark.parametrize(
    ("edit", "unknown"),
    [
        (lambda m: m.update(unknown=1), "'unknown'"),
        (lambda m: m["sites"][0].update(more="x"), "'sites.0.more'"),
        (lambda m: m.update(schema_version=2), "schema_version 2"),
        (lambda m: m.update(verdict="splendid"), "'verdict'"),
        (lambda m: m.update(edit="rotation"), "'edit'"),
        (lambda m: m.update(subject="gate"), "'subject'"),
        (lambda m: m.update(scope="model"), "'scope'"),
        (lambda m: m.update(rules=2), "rules 2"),
        (lambda m: m.update(card=2), "card 2"),
        (lambda m: m["measures"].update(between=m["measures"]["after"]), "'measures.between'"),
    ],
)
def test_what_is_newer_is_no_forgery_and_makes_none_pass(made, edit, unknown):
    edit_manifest(made, edit)
    edit_manifest(made, lambda m: m.update(needs="3.1"))
    if unknown != "card 2":
        seal(made)
    assert undecided(made) == ["newer"]
    (finding,) = check(made).inconclusive
    assert unknown in finding.message and "needs modelrepair ≥ 3.1" in finding.message
    assert undecided(made, source=None) == ["newer"]
    with pytest.raises(InconclusiveError, match=r"needs modelrepair ≥ 3\.1"):
        load_manifest(made.out)
    name = SITES[1]
    free = next(i for i in range(48) if i not in made.masks[name])
    write_entry(made.out, name, free, 7)
    assert {"outside-mask", "changed"} & set(codes(made))
    assert check(made).exit_code == 1
    sha = sha256_file(made.out / "model.safetensors")
    edit_manifest(made, lambda m: m["files"].update({"model.safetensors": sha}))
    if unknown not in ("card 2", "schema_version 2", "'edit'"):
        seal(made)
        assert "outside-mask" in codes(made)


def test_a_mask_of_a_later_version(made):
    path = made.out / MASK_NAME
    path.write_bytes(path.read_bytes().replace(b'"version":"1"', b'"version":"2"'))
    sha = sha256_file(path)
    edit_manifest(made, lambda m: m["files"].update({MASK_NAME: sha}))
    seal(made)
    assert undecided(made) == ["newer"]


def test_sentences_may_be_worded_better_and_numbers_may_not(made):
    def reword(m):
        m["gate"]["reasons"] = ["said in other words"]
        for rule in m["gate"]["rules"]:
            rule["note"] = "said in other words"

    edit_manifest(made, reword)
    seal(made)
    assert check(made).ok
    edit_manifest(made, lambda m: m["gate"]["rules"][0].update(measured=0.001))
    seal(made)
    assert codes(made) == ["gate"]


def test_a_failed_repair_says_so_first(tmp_path):
    from tests.support.small_repairs import results

    made = make_repair(tmp_path, measured={"before": results(200), "after": results(180)})
    path = made.out / "README.md"
    first = path.read_text().partition("begin v1 -->\n")[2].partition("\n")[0]
    assert first.startswith("**The gate failed") and check(made).ok
    assert "gate: failed" in check(made).about.summary
    path.write_text(path.read_text().replace(first, ""))
    assert codes(made) == ["card"]


def test_it_runs_without_torch(made):
    code = (
        "import sys; from modelrepair.verification.verify import verify; "
        f"assert verify({str(made.out)!r}, source={str(made.source)!r}).ok; "
        "assert not {'torch', 'transformers', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
