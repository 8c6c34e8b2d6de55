"""An output that is finished: the same command has nothing to do, another fails with the reason."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from modelrepair import repair
from modelrepair.artifact.records import Origin, Run
from modelrepair.cli.main import run
from modelrepair.demo import paths
from modelrepair.errors import UsageError
from modelrepair.pipeline.begun import Begun
from modelrepair.pipeline.finished import as_recorded, find_finished, recorded
from modelrepair.pipeline.workspace import open_workspace
from modelrepair.progress import Progress
from tests.support.killed_repairs import bytes_of
from tests.support.small_repairs import make_repair

OLD, NEW = "0" * 40, "1" * 40
MADE_ON = {"config.json of the source": "1f" * 32, "the realign set": "2a" * 32}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished repair; read only. A picture would take longer than everything else."""
    with mock.patch("modelrepair.artifact.writer.plot_layers", return_value=False):
        return make_repair(
            tmp_path_factory.mktemp("finished"),
            run=Run(time="2026-01-01T00:00:00Z", duration=1.5, inputs=MADE_ON),
            source=Origin(id="user/model", hub=True, commit=OLD),
        )


@pytest.fixture
def made(whole, tmp_path):
    return replace(whole, out=Path(shutil.copytree(whole.out, tmp_path / "out")))


def found(made, *, out=None, inputs=MADE_ON, restart=False, version=None, **settings):
    known = recorded(made.manifest)
    begun = replace(known, settings={**known.settings, **settings}, inputs={"torch": "9", **inputs})
    begun = replace(begun, version=version or begun.version)
    return find_finished(out or made.out, begun, inputs, Progress(), restart=restart)


def test_the_same_settings_and_inputs_find_it_and_change_nothing(made):
    before = bytes_of(made.out)
    assert found(made) == made.manifest
    assert bytes_of(made.out) == before


@pytest.mark.parametrize("way", ["moved", "link"])
def test_it_is_found_wherever_it_lies(made, tmp_path, way):
    place = tmp_path / "elsewhere"
    shutil.move(made.out, place) if way == "moved" else place.symlink_to(made.out)
    assert found(made, out=place) == made.manifest


def test_what_systems_and_the_hub_s_client_put_there_is_no_change(made):
    (made.out / ".DS_Store").write_text("finder")
    (made.out / ".cache" / "huggingface").mkdir(parents=True)
    (made.out / ".cache" / "huggingface" / "x.lock").touch()
    assert found(made) == made.manifest


def test_an_empty_or_missing_folder_is_none(made, tmp_path):
    (tmp_path / "empty").mkdir()
    for place in ("empty", "missing"):
        assert found(made, out=tmp_path / place) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema_version": 99}'])
def test_a_manifest_that_can_t_be_read_is_none_of_ours(made, content):
    (made.out / "repair" / "manifest.json").write_text(content)
    assert found(made) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"examples": 128}, "--examples was 256, is 128"),
        ({"examples": 128, "step": 0.1}, "--examples was 256, is 128; --step was not given, is 0"),
        (
            {"inputs": {**MADE_ON, "the realign set": "3c" * 32}},
            "inputs: the realign set was changed",
        ),
        ({"inputs": {}}, "config.json of the source is gone; the realign set is gone"),
        (
            {"revision": NEW, "inputs": {**MADE_ON, "config.json of the source": "4d" * 32}},
            f"--revision was {OLD}, is {NEW}",
        ),
    ],
    ids=["one", "two", "set", "gone", "moved"],
)
def test_what_is_other_is_named(made, change, said):
    with pytest.raises(UsageError, match="'out' holds a finished repair with other") as caught:
        found(made, **change)
    assert said in str(caught.value)
    assert "of the source was changed" not in str(caught.value)
    again = f"run that command with --revision {OLD}" if "revision" in change else "run that"
    assert caught.value.hint.startswith(again)
    assert "--out" in caught.value.hint


def test_another_version_and_a_restart_are_refused_and_delete_nothing(made):
    before = bytes_of(made.out)
    with pytest.raises(UsageError, match=r"by modelrepair 0\.1\.0, and this is modelrepair 9"):
        found(made, version="9.0.0")
    with pytest.raises(UsageError, match="finished repair, and --restart") as caught:
        found(made, restart=True)
    assert "remove the folder" in caught.value.hint
    assert bytes_of(made.out) == before


def changed(name, old, new):
    def change(out):
        path = out / name
        path.write_bytes(path.read_bytes().replace(old, new, 1))

    return change


CHANGES = {
    "weights": (changed("model.safetensors", b"\x00", b"\x01"), "'model.safetensors' is not the"),
    "config": (
        changed("config.json", b"tiny", b"mine"),
        "'config.json' is not the file that it was",
    ),
    "verdicts": (
        changed("repair/verdicts.jsonl", b"harmful", b"refusal"),
        "'repair/verdicts.jsonl' is not the file",
    ),
    "card": (changed("README.md", b"66.7 %", b"96.7 %"), "'repair/manifest.json' and 'README.md'"),
    "manifest": (
        changed("repair/manifest.json", b'"coverage": 1.0', b'"coverage": 0.5'),
        "'repair/manifest.json' and",
    ),
    "gone": (lambda out: (out / "tokenizer.json").unlink(), "'tokenizer.json' is missing"),
    "added": (lambda out: (out / "x.gguf").touch(), "'x.gguf' is no part of it"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_by_hand_is_named_and_stays(made, name):
    change, said = CHANGES[name]
    before = bytes_of(made.out)
    change(made.out)
    after = bytes_of(made.out)
    assert before != after
    with pytest.raises(UsageError, match="holds this repair, but it was changed: ") as caught:
        found(made)
    assert said in str(caught.value)
    assert bytes_of(made.out) == after


def test_text_of_one_s_own_beside_the_marks_of_the_card_is_no_change(made):
    with (made.out / "README.md").open("a") as card:
        card.write("\nMade on a rainy day.\n")
    assert found(made) == made.manifest


def test_paths_and_secrets_are_compared_as_a_manifest_keeps_them():
    settings = {"realign": "/home/me/harmful.jsonl", "targets": ["*.q_proj.*"], "step": None}
    assert as_recorded(settings) == {**settings, "realign": "harmful.jsonl"}


def leftover(made, begun):
    opened = open_workspace(made.out.with_name("out2"), begun)
    (opened.work / "scores").write_text("1")
    opened.folder.rename(made.out.with_name("out.partial"))
    return made.out.with_name("out.partial")


@pytest.mark.parametrize("left", ["whole", "cut short"])
def test_what_a_kill_left_after_the_last_step_goes(made, left):
    known = recorded(made.manifest)
    folder = leftover(made, replace(known, inputs={"torch": "9", **MADE_ON}))
    if left == "cut short":
        (folder / "settings.json").unlink()
    found(made)
    assert not folder.exists()


@pytest.mark.parametrize("whose", ["another command's", "the user's"])
def test_what_is_not_this_command_s_stays(made, whose):
    folder = leftover(made, Begun({"ratio": 0.5}, {}))
    if whose == "the user's":
        (folder / "thesis.txt").write_text("years")
    before = bytes_of(folder)
    found(made)
    assert bytes_of(folder) == before


def test_a_whole_repair_again_has_nothing_to_do(repaired, tmp_path):
    out, first = repaired
    moved = tmp_path / "moved"
    shutil.copytree(out, moved)
    before = bytes_of(moved)
    again = repair(paths.attacked, reference=paths.reference, scorer="contrast",
                   judge="demo-world", out=moved, **paths.sets)  # fmt: skip
    assert again.finished_before and again.nothing_to_do and not first.nothing_to_do
    assert (again.verdict, again.exit_code) == (first.verdict, first.exit_code)
    assert again.gate == first.gate and again.manifest == first.manifest
    assert again.measures == first.measures
    assert bytes_of(moved) == before
    assert [path.name for path in tmp_path.iterdir()] == ["moved"]


def test_a_plan_refuses_the_folder_that_a_repair_would(made, tmp_path, capsys):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years")
    plan = ["plan", str(paths.attacked), "--reference=none", "--utility=none", "--borderline=none"]
    plan += [f"--realign={paths.sets['realign']}"]
    assert run([*plan, f"--out={tmp_path / 'full'}"]) == 2
    assert "the output folder 'full' is not empty" in capsys.readouterr().err
    assert run([*plan, f"--out={made.out}"]) == 2
    said = capsys.readouterr().err
    assert "'out' holds a finished repair with other settings" in said
    assert "--ratio was not given, is auto" in said
    assert "was not given, is not given" not in said
