"""A repaired model is rebuilt from its source and its mask, or it is said why not."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.place import reserved
from modelrepair.errors import DamagedCheckpointError, GateError, InconclusiveError, UsageError
from modelrepair.progress import Progress
from modelrepair.verification.rebuild import apply
from tests.support.small_repairs import make_checkpoint, make_repair


def test_a_mask_alone_or_a_whole_folder(tmp_path):
    made = make_repair(tmp_path / "repair")
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes((made.out / MASK_NAME).read_bytes())
    for mask, name in ((alone, "one"), (made.out, "two")):
        rebuilt = apply(mask, made.source, out=tmp_path / name)
        expected = (made.out / "model.safetensors").read_bytes()
        assert (rebuilt / "model.safetensors").read_bytes() == expected
        assert sorted(path.name for path in rebuilt.iterdir()) == [
            "LICENSE",
            "additional_chat_templates",
            "config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer.model",
        ]
    assert not list(tmp_path.glob("*.applying"))


def test_another_source_or_reference_is_refused(tmp_path):
    made = make_repair(tmp_path / "repair", subject="delta")
    other = make_checkpoint(tmp_path / "other", seed=7)
    sharded = make_checkpoint(tmp_path / "sharded", sharded=True)
    out = tmp_path / "out"
    with pytest.raises(GateError, match=r"not the source user/model at 0123.*sha256"):
        apply(made.out, other, reference=made.reference, out=out)
    with pytest.raises(GateError, match=r"has no file model\.safetensors|has a file"):
        apply(made.out, sharded, reference=made.reference, out=out)
    with pytest.raises(GateError, match="not the reference org/base"):
        apply(made.out, made.source, reference=other, out=out)
    with pytest.raises(UsageError, match="without the reference org/base"):
        apply(made.out, made.source, out=out)
    assert not out.exists()


def test_the_output_folder_must_be_free(tmp_path):
    made = make_repair(tmp_path / "repair")
    out = tmp_path / "out"
    out.mkdir()
    assert apply(made.out, made.source, out=out) == out
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years")
    with pytest.raises(UsageError, match="'full' holds something else"):
        apply(made.out, made.source, out=tmp_path / "full")
    with pytest.raises(UsageError, match="no folder"):
        apply(made.out, made.source, out=made.out / "config.json")


def test_a_second_time_there_is_nothing_to_do(tmp_path):
    made, said = make_repair(tmp_path / "repair"), []
    progress = SimpleNamespace(step=Progress().step, note=said.append)
    out = apply(made.out, made.source, out=tmp_path / "out", progress=progress)
    assert not said
    when = (out / "model.safetensors").stat().st_mtime_ns
    assert apply(made.out, made.source, out=out, progress=progress) == out
    assert said == ["nothing to do: out holds this model already"]
    assert (out / "model.safetensors").stat().st_mtime_ns == when
    (out / "config.json").write_text("{}")
    with pytest.raises(UsageError, match="is not the file that it was"):
        apply(made.out, made.source, out=out)
    assert (out / "config.json").read_text() == "{}"


def test_what_was_cut_off_is_done_again_and_a_foreign_folder_stays(tmp_path, monkeypatch):
    made, left = make_repair(tmp_path / "repair", sharded=True), tmp_path / "out.applying"
    with monkeypatch.context() as stopped:
        stopped.setattr("modelrepair.verification.rebuild.copy_file", interrupt)
        with pytest.raises(KeyboardInterrupt):
            apply(made.out, made.source, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    left.mkdir(exist_ok=True)
    (left / "model-00001-of-00002.safetensors.tmp").write_text("cut off")  # as a kill leaves it
    out = apply(made.out, made.source, out=tmp_path / "out")
    assert not left.exists()
    left.mkdir()
    (left / "thesis.txt").write_text("years")
    with pytest.raises(UsageError, match="in the way and not ours"):
        shutil.move(out, tmp_path / "moved")
        apply(made.out, made.source, out=out)
    assert (left / "thesis.txt").read_text() == "years"


def interrupt(*_):
    raise KeyboardInterrupt


def test_a_missing_mask(tmp_path):
    source = make_checkpoint(tmp_path / "source")
    with pytest.raises(DamagedCheckpointError):
        apply(tmp_path / "mask.safetensors", source, out=tmp_path / "out")


def test_one_run_at_a_time_writes_a_folder_and_none_into_its_source(tmp_path):
    made = make_repair(tmp_path / "repair")
    with reserved(tmp_path / "out"), pytest.raises(UsageError, match="another run is writing"):
        apply(made.out, made.source, out=tmp_path / "out")
    before = sorted(made.source.rglob("*"))
    with pytest.raises(UsageError, match="lies in the source"):
        apply(made.out, made.source, out=made.source / "out")
    assert sorted(made.source.rglob("*")) == before
    apply(made.out, made.source, out=tmp_path / "out")
    assert not list(tmp_path.glob("*.lock"))


def test_a_mask_that_a_later_version_wrote(tmp_path):
    made = make_repair(tmp_path / "repair")
    mask = made.out / MASK_NAME
    mask.write_bytes(mask.read_bytes().replace(b'"version":"1"', b'"version":"2"'))
    with pytest.raises(InconclusiveError, match="mask of version 2, newer") as caught:
        apply(made.out, made.source, out=tmp_path / "out")
    assert caught.value.exit_code == 7 and not (tmp_path / "out").exists()
