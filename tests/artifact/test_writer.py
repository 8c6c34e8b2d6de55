"""What a repair writes: every file is kept, changed or ours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from modelrepair.artifact.digests import digest
from modelrepair.artifact.reading import load_manifest
from modelrepair.artifact.records import Origin
from modelrepair.artifact.verdicts import read_verdicts
from modelrepair.artifact.writer import MASK_NAME, finish, make_room, write_record, write_weights
from modelrepair.checkpoint.edits import MaskEdit
from modelrepair.checkpoint.mask import open_mask
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.errors import DamagedCheckpointError, UsageError
from modelrepair.verification.verify import verify
from tests.support.small_repairs import (
    MEASURED,
    SITES,
    draft,
    make_checkpoint,
    make_masks,
    make_repair,
    sites_of,
    write_safetensors,
)


def written(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_every_file_is_kept_changed_or_ours(tmp_path):
    made = make_repair(tmp_path, store_values=True, subject="delta")
    assert written(made.out) == {
        "LICENSE",
        "README.md",
        "additional_chat_templates/tool_use.jinja",
        "config.json",
        "model.safetensors",
        "repair/layers.svg",
        "repair/manifest.json",
        "repair/mask.safetensors",
        "repair/values.safetensors",
        "repair/verdicts.jsonl",
        "tokenizer.json",
        "tokenizer.model",
    }
    assert load_manifest(made.out) == made.manifest
    assert set(made.manifest.files) == written(made.out) - {"README.md", "repair/manifest.json"}
    masked = {site.name for site in made.manifest.sites if site.masked}
    assert set(made.manifest.reference_tensors) == masked < set(SITES)
    assert made.manifest.left_behind["training_args.bin"] == "training state, a pickle"
    assert made.manifest.masked_share == sum(map(len, made.masks.values())) / (4 * 48)
    assert "/" + tmp_path.parts[1] not in (made.out / "repair/manifest.json").read_text()
    assert read_verdicts(made.out / "repair/verdicts.jsonl") == MEASURED
    header = open_mask(made.out / MASK_NAME).header
    assert (header["subject"], header["scale"], header["reference"]) == ("delta", "0.0", "org/base")


def test_the_same_repair_has_the_same_digest(tmp_path):
    one, two = (make_repair(tmp_path / name) for name in "ab")
    assert digest(one.manifest) == digest(two.manifest)
    for name in written(one.out):
        assert (one.out / name).read_bytes() == (two.out / name).read_bytes()


def test_sites_must_be_tensors_of_the_file(tmp_path):
    source = Checkpoint.open(make_checkpoint(tmp_path / "source"))
    sites = sites_of(source)
    for update in ({"name": "nowhere"}, {"shape": (8, 6)}, {"entries": 1}):
        with pytest.raises(DamagedCheckpointError, match="site"):
            write_weights(
                tmp_path / "out",
                source=source,
                sites=[sites[0].model_copy(update=update)],
                edit=MaskEdit(make_masks().__getitem__),
            )


def test_a_reference_belongs_to_deltas_only(tmp_path):
    source = Checkpoint.open(make_checkpoint(tmp_path / "source"))
    masks = make_masks().__getitem__
    common = {"source": source, "edit": MaskEdit(masks)}
    weights = write_weights(tmp_path / "out", sites=sites_of(source), **common)
    with pytest.raises(UsageError, match="subject 'delta' without a reference"):
        write_record(tmp_path / "out", draft("delta"), weights, **common)
    with pytest.raises(UsageError, match="subject 'weight' with a reference"):
        write_record(
            tmp_path / "out", draft(), weights, source=source, edit=MaskEdit(masks, source)
        )


def make_adapter(folder: Path) -> Path:
    folder.mkdir()
    factor = np.arange(1, 17, dtype=np.uint32).reshape(2, 8)
    write_safetensors(folder / "adapter_model.safetensors", {"layers.0.q_proj.A": factor}, "F32")
    config = {"base_model_name_or_path": "/home/me/base", "r": 2}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def test_a_local_base_path_becomes_an_id(tmp_path):
    folder = make_adapter(tmp_path / "adapter")
    source = Checkpoint.open(folder)
    entry = source.entries["layers.0.q_proj.A"]
    site = sites_of_adapter(entry)
    common = {"source": source, "edit": MaskEdit(lambda name: np.array([1, 5]))}
    staged = tmp_path / "staged"
    weights = write_weights(staged, sites=[site], base_id="org/base", **common)
    base = Origin(id="org/base", hub=True, files={"model.safetensors": "0" * 64})
    manifest = draft("factor", base=base)
    written_manifest = write_record(staged, manifest, weights, results=MEASURED, **common)
    out = finish(staged, tmp_path / "out")
    config = json.loads((out / "adapter_config.json").read_text())
    assert config == {"base_model_name_or_path": "org/base", "r": 2}
    assert written_manifest.rewritten.keys() == {"adapter_config.json"}
    assert "base_model_name_or_path is org/base now" in (out / "README.md").read_text()
    assert verify(out, source=folder).findings == ()
    (out / "adapter_config.json").write_text(
        '{\n  "base_model_name_or_path": "org/base",\n  "r": 3\n}\n'
    )
    assert [f.code for f in verify(out, source=folder).findings] == ["changed", "changed"]
    (out / "adapter_config.json").write_text("{")
    assert [f.code for f in verify(out, source=folder).findings] == ["changed", "changed"]


def sites_of_adapter(entry):
    from modelrepair.artifact.records import SiteRecord

    return SiteRecord(name=entry.name, kind="q_proj.A", block=0, shape=entry.shape, entries=16)


def test_finish_takes_no_strangers_and_overwrites_nothing(tmp_path):
    made = make_repair(tmp_path)
    (made.out / "scratch").write_text("")
    with pytest.raises(DamagedCheckpointError, match="scratch"):
        finish(made.out, tmp_path / "other")
    (made.out / "scratch").unlink()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    with pytest.raises(UsageError, match="not empty"):
        finish(made.out, tmp_path / "full")
    with pytest.raises(UsageError, match="no folder"):
        make_room(tmp_path / "full" / "file")
    (tmp_path / "empty").mkdir()
    assert finish(made.out, tmp_path / "empty") == tmp_path / "empty"
    assert not made.out.exists()
