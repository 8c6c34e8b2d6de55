"""What is looked at ahead, in which order: the source first, and no set before the refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelrepair.cli.main import run
from modelrepair.demo import paths
from modelrepair.errors import ModelRepairError
from modelrepair.pipeline.ahead import look_ahead, look_at_model, output_of
from modelrepair.preflight.plugins import find_plugins
from modelrepair.preflight.refusals import Refusals
from modelrepair.progress import Notes
from modelrepair.settings.settings import Settings
from modelrepair.source.resolve import Source
from tests.support.hub.order import (
    FIXED,
    SETS,
    asked,
    filled_fixture,  # noqa: F401
)
from tests.support.hub.repaired import files_of


def quantised(hub, config: dict) -> None:
    files = files_of(paths.attacked)
    known = json.loads(files["config.json"])
    hub.add("user/gptq", {**files, "config.json": json.dumps(known | config).encode()})


@pytest.mark.parametrize("command", ["fix", "plan", "measure"])
def test_a_quantised_source_is_refused_before_a_set_is_asked_for(filled, capsys, command):
    quantised(filled, {"quantization_config": {"quant_method": "gptq"}})
    options = SETS if command == "measure" else [*SETS, *FIXED]
    assert run([command, "user/gptq", *options]) == 6
    assert "quantization_config" in "".join(capsys.readouterr())
    assert "set" not in asked(filled)


@pytest.mark.parametrize("command", ["fix", "plan", "measure"])
@pytest.mark.parametrize(
    "source", ["https://example.org/user/broken", "user/missing", "./nowhere", "user name"]
)
def test_a_source_that_is_not_there_is_refused_before_a_set_is_asked_for(
    filled, capsys, command, source
):
    options = SETS if command == "measure" else [*SETS, *FIXED]
    assert run([command, source, *options]) in (2, 3)
    assert "set" not in asked(filled)


def test_a_reference_and_a_target_are_refused_before_a_set_is_asked_for(filled, capsys):
    named = [word for word in FIXED if "reference" not in word]
    assert run(["fix", "user/broken", *SETS, *named, "--reference=org/missing"]) == 3
    assert "set" not in asked(filled)
    assert run(["fix", "user/broken", *SETS, *FIXED, "--push", "--force", "--to=club/x"]) == 3
    assert asked(filled)[0] == "source" and "set" not in asked(filled)


@pytest.mark.parametrize(
    ("out", "name"),
    [(None, "model-repaired"), ("", "model-repaired"), ("else/where", "else/where")],
)
def test_the_output_is_where_it_was_named_or_called_after_the_source(out, name):
    assert output_of(out, Source("org/model", None, Path("/cache/x"), "model")) == Path(name)


def test_a_whole_model_is_looked_at_by_its_headers():
    found = look_at_model(str(paths.attacked))
    assert found.base is None and found.whole is found.checkpoint
    assert found.name == "attacked" and found.parameters > 0


def test_an_adapter_is_looked_at_with_its_base():
    found = look_at_model(str(paths.adapter), base=str(paths.reference))
    assert found.base is not None and found.base.source.folder == paths.reference
    assert found.whole is found.base.checkpoint


def test_an_adapter_of_another_model_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelRepairError):
        look_at_model(str(paths.adapter), base=str(tmp_path))


def ahead(refusals=None, notes=None, **options):
    named = {"realign": str(paths.sets["realign"]), "utility": "none", "borderline": "none"}
    settings = Settings(str(paths.attacked), **{**named, "reference": "none", **options})
    notes = notes or Notes()
    plugins = find_plugins(settings, notes)
    return look_ahead(settings, plugins, None, None, notes, refusals or Refusals(keep=False))


def test_what_is_known_of_a_model_without_a_reference_and_of_one_with(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = ahead()
    assert (found.base, found.reference.found, found.subject) == (None, None, "weight")
    assert found.destination is None
    assert found.model.source is found.source and found.model.base is None
    known = ahead(reference=str(paths.reference))
    assert known.subject == "delta" and known.reference.by == "user"
    assert [*tmp_path.iterdir()] == []


def test_a_repair_stops_at_the_first_refusal_and_a_plan_keeps_it_and_looks_on(
    monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    wrong = {"subject": "delta", "reference": "none"}
    with pytest.raises(ModelRepairError) as stopped:
        ahead(**wrong)
    plan = Refusals(keep=True)
    found = ahead(plan, **wrong)
    assert str(plan.first) == str(stopped.value)
    assert found.source.name == "attacked" and found.sets


def test_a_folder_of_others_is_refused_before_the_weights_are_looked_at(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "attacked-repaired").mkdir()
    (tmp_path / "attacked-repaired" / "thesis.txt").write_text("years")
    with pytest.raises(
        ModelRepairError, match="the output folder 'attacked-repaired' is not empty"
    ):
        ahead()
    assert (tmp_path / "attacked-repaired" / "thesis.txt").read_text() == "years"
