"""The header of a mask: it follows from the manifest, and is read with suspicion."""

from __future__ import annotations

from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair.artifact.mask_header import (
    header_of,
    mask_path,
    read_header_of,
    wrong_reference,
)
from modelrepair.artifact.records import Origin
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.mask import encode, open_mask, write_mask
from modelrepair.checkpoint.norms import tensor_digest
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.errors import DamagedCheckpointError, InconclusiveError
from modelrepair.plugin.names import Unit
from tests.support.sealing import codes, made_fixture, rewrite, seal, untouched_fixture  # noqa: F401
from tests.support.small_repairs import COMMIT, SHAPES, draft, make_checkpoint, write_safetensors


def test_a_mask_header_with_more(made):
    rewrite(made.out / MASK_NAME, lambda metadata, tensors: metadata.update(note="trust me"))
    seal(made)
    assert codes(made) == {"mask"}


@pytest.mark.parametrize("blob", [b"", encode(np.array([], np.int64))])
def test_one_tensor_more_in_the_mask(made, blob):
    unmasked = {site.name for site in made.manifest.sites if not site.masked}
    rewrite(made.out / MASK_NAME, lambda metadata, tensors: tensors.update({min(unmasked): blob}))
    seal(made)
    assert "mask" in codes(made)
    assert open_mask(made.out / MASK_NAME).names


SHARDS = {"b.safetensors": "b" * 64, "a.safetensors": "a" * 64}
REPAIRED = {"b.safetensors": "d" * 64, "a.safetensors": "c" * 64, "config.json": "e" * 64}


def header(subject="weight", scale=0.0, **more) -> dict[str, str]:
    if subject == "delta":
        more = {"reference_tensors": {"w": "f" * 64}} | more
    return header_of(draft(subject, scale, measured={}, **more), SHARDS, REPAIRED, SHARDS)


def read(header: dict[str, str], path="mask.safetensors"):
    return read_header_of(SimpleNamespace(header=header, path=SimpleNamespace(name=path)))


@pytest.mark.parametrize("subject", ["weight", "factor", "delta"])
def test_what_is_written_is_read(subject, tmp_path):
    written = header(subject, 0.25)
    path = tmp_path / "mask.safetensors"
    write_mask(path, written, [("w", np.array([2, 5]))])
    found = read_header_of(open_mask(path))
    assert (found.subject, found.scale, found.source) == (subject, 0.25, f"user/model at {COMMIT}")
    assert found.source_files == SHARDS
    assert found.files == {name: REPAIRED[name] for name in SHARDS}, "weights alone"
    delta = subject == "delta"
    assert found.reference == ("org/base" if delta else None)
    assert found.reference_tensors == ({"w": "f" * 64} if delta else {})


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_scale_is_read_to_the_last_bit(scale):
    assert read(header(scale=scale)).scale.hex() == scale.hex()


def test_the_header_does_not_depend_on_the_order_of_the_shards():
    manifest = draft(measured={})
    one, other = (header_of(manifest, SHARDS, REPAIRED, each) for each in (SHARDS, sorted(SHARDS)))
    assert one == other


def test_a_merged_adapter_names_its_base():
    origins = {"adapter": Origin(id="user/adapter"), "base": Origin(id="org/base", commit=COMMIT)}
    merged = header(**origins)
    assert (merged["base"], merged["base_commit"]) == ("org/base", COMMIT)
    assert read(merged) == read(header()), "and is read like any other"
    assert "base" not in header(base=origins["base"])


@pytest.mark.parametrize("key", sorted(header()))
def test_a_header_that_lacks_a_key_is_refused(key):
    lacking = header()
    del lacking[key]
    if key == "source_commit":
        assert read(lacking).source == "user/model"
    elif key == "unit":
        assert read(lacking).unit == "entry", "of a mask that was made before units were named"
    else:
        with pytest.raises(DamagedCheckpointError, match=r"mask\.safetensors is no mask that"):
            read(lacking)


@pytest.mark.parametrize(
    "forged",
    [
        {"format": "pt"},
        {"version": "0"},
        {"version": "100"},
        {"version": "1.0"},
        {"subject": "weights"},
        {"subject": "delta"},
        {"reference_tensors": '{"w":"' + "0" * 64 + '"}'},
        {"unit": ""},
        {"unit": "a row"},
        {"unit": "ROW"},
        {"unit": "x" * 33},
        {"scale": "nan"},
        {"scale": "inf"},
        {"scale": "a half"},
        {"files": "[]"},
        {"files": '{"w":1}'},
        {"source_files": '{"w":"' + "0" * 63 + '"}'},
        {"source_files": '{"w":"' + "0" * 64 + '\\n"}'},
        {"source_files": '{"w":"' + "A" * 64 + '"}'},
        {"source_files": "{"},
    ],
)
def test_a_header_that_modelrepair_does_not_write_is_refused(forged):
    with pytest.raises(DamagedCheckpointError, match="no mask that modelrepair can read") as error:
        read(header() | forged)
    assert error.value.hint == "fetch the mask again"


@pytest.mark.parametrize("later", ["2", "99"])
def test_a_mask_of_a_later_version_is_not_judged(later):
    with pytest.raises(InconclusiveError, match=f"is a mask of version {later}, newer than"):
        read(header() | {"version": later, "subject": "something new"})


def test_a_mask_of_another_unit_is_of_a_later_version():
    assert (read(header()).unit, header()["unit"]) == ("entry", "entry")
    assert [read(header() | {"unit": each}).unit for each in get_args(Unit)] == list(get_args(Unit))
    with pytest.raises(InconclusiveError, match="is a mask of unit 'block', newer than") as error:
        read(header() | {"unit": "block"})
    assert (error.value.exit_code, error.value.id) == (7, "newer-version")


def test_what_an_older_manifest_does_not_say_is_in_no_header():
    assert "unit" not in header(unit=None)


def test_a_reference_is_known_by_its_tensors(tmp_path):
    source = Checkpoint.open(make_checkpoint(tmp_path / "source"))
    reference = Checkpoint.open(make_checkpoint(tmp_path / "reference", seed=1))
    digests = {name: tensor_digest(reference, name) for name in SHAPES}
    wanted = read(header("delta", reference_tensors=digests))
    assert wrong_reference(wanted, source, reference) is None
    said = wrong_reference(wanted, source, source)
    first = next(iter(SHAPES))
    assert said.startswith(f"this is not the reference org/base: tensor {first!r} has sha256 ")
    assert said.endswith(f"expected {digests[first][:12]}…")


@pytest.mark.parametrize(
    ("tensors", "found"),
    [
        ({"w": np.zeros((2, 3), np.uint16)}, r"shape [2, 3]"),
        ({"v": np.zeros((3, 2), np.uint16)}, "no such tensor"),
    ],
)
def test_a_reference_of_another_shape_is_not_read(tmp_path, tensors, found):
    opened = []
    for name, held in (("source", {"w": np.zeros((3, 2), np.uint16)}), ("reference", tensors)):
        (tmp_path / name).mkdir()
        write_safetensors(tmp_path / name / "model.safetensors", held, "BF16")
        opened.append(Checkpoint.open(tmp_path / name))
    assert wrong_reference(read(header("delta")), *opened).endswith(f"tensor 'w' has {found}")


def test_the_mask_of_a_folder_or_the_file_itself(tmp_path):
    assert mask_path(tmp_path) == tmp_path / MASK_NAME
    assert mask_path(tmp_path / "mask.safetensors") == tmp_path / "mask.safetensors"


SOURCE = ("source", "source_commit", "source_files", "files", "scale", "subject")


@pytest.mark.parametrize("key", SOURCE)
@pytest.mark.parametrize("value", [None, "x", "{}"])
def test_a_mask_header_that_names_another_source(made, key, value):
    def change(metadata, tensors):
        metadata.pop(key)
        if value is not None:
            metadata[key] = value

    rewrite(made.out / MASK_NAME, change)
    seal(made)
    assert "mask" in codes(made)
