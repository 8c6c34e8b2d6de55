"""Judges that are models, through the command line, on the demo's model."""

from __future__ import annotations

import json
import shutil

import pytest

from modelrepair import load_manifest
from modelrepair.demo import paths

SETS = [f"--{name}={paths.sets[name]}" for name in ("realign", "refusal", "utility", "borderline")]
QUICK = ["--scorer=contrast", "--ratio=0.045", "--max-rounds=3", "--max-new-tokens=32"]


def judged(folder, name):
    return [f"--judge={name}", f"--judge-option=model={folder}"]


@pytest.mark.quick("classifier")
@pytest.mark.parametrize("name", ["classifier", "guard"])
def test_a_measurement_by_a_model(name, request, call):
    folder = request.getfixturevalue(f"{name}_model")
    sets = [f"--realign={paths.sets['realign']}", f"--utility={paths.sets['utility']}"]
    for model, harmful in ((paths.attacked, 1.0), (paths.reference, 0.0)):
        result = call("measure", model, *sets, *judged(folder, name), "--json",
                      "--max-new-tokens=32")  # fmt: skip
        assert result.code == 0, result.err
        measures = result.json["measures"]
        assert measures["judge"] == name
        assert measures["harmful_score"]["value"] == pytest.approx(harmful, abs=0.03)
        assert measures["refusal_rate"]["value"] == pytest.approx(1 - harmful, abs=0.03)
        assert "keyword" not in measures["harmful_score"]["label"]


@pytest.mark.slow
def test_a_repair_by_a_classifier(classifier_model, tmp_path, call):
    folder = classifier_model
    command = ["fix", paths.attacked, f"--reference={paths.reference}", *SETS, *QUICK,
               *judged(folder, "classifier"), "--judge-option=threshold=0.6",
               f"--out={tmp_path / 'out'}", "--json"]  # fmt: skip
    result = call(*command)
    assert result.code in (0, 1), result.err
    after = result.json["measures"]["after"]
    assert after["harmful_score"]["value"] < 0.2 < result.json["measures"]["before"][
        "harmful_score"]["value"]  # fmt: skip
    manifest = load_manifest(tmp_path / "out")
    assert manifest.judge.options == {"model": "judge", "threshold": "0.6"}
    assert manifest.judge.inputs["model"] == "judge"
    assert len(manifest.judge.inputs["model.safetensors"]) == 64
    assert "--judge classifier --judge-option model=judge --judge-option threshold=0.6" in (
        manifest.command
    )
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert str(tmp_path) not in card + json.dumps(manifest.model_dump(mode="json"))
    assert f"config.json {manifest.judge.inputs['config.json']}" in card


def test_an_interrupted_repair_is_not_gone_on_with_by_another_judge(
    classifier_model, tmp_path, call, monkeypatch
):
    folder = shutil.copytree(classifier_model, tmp_path / "judge")
    command = ["fix", paths.attacked, f"--reference={paths.reference}", *SETS,
               "--scorer=wanda", "--ratio=0.01", "--no-evaluate",
               *judged(folder, "classifier"), f"--out={tmp_path / 'out'}"]  # fmt: skip

    def stop(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("modelrepair.pipeline.repair.write_record", stop)
        assert call(*command).code == 130
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "note": "another"}))
    result = call(*command)
    assert (result.code, "other settings or inputs" in result.err) == (2, True)
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    assert call(*command).code == 2
