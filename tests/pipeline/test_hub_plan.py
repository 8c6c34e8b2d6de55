"""A plan describes downloads and the upload, from metadata alone."""

from __future__ import annotations

import json
import shutil

import pytest

from modelrepair.cli.main import run
from modelrepair.demo import paths
from tests.support.hub import reading
from tests.support.hub.client import ROOT, environment
from tests.support.hub.repaired import files_of
from tests.support.hub.state import Account

CARD = b"---\nlicense: mit\nbase_model: org/aligned\n---\n"


def fill(hub, id: str = "user/broken", **flags) -> dict[str, bytes]:
    files = {**files_of(paths.attacked), "README.md": CARD, "old.pkl": b"x", "a.bin": b"y" * 99}
    hub.add(id, files, **flags)
    hub.add("org/aligned", files_of(paths.reference))
    return files


SETS = [f"--realign={paths.sets['realign']}"]


def planned(capsys, *options: str, code: int = 0) -> dict:
    capsys.readouterr()
    assert run(["plan", *options, *SETS, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_what_comes_down_and_goes_up(hub, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    files = fill(hub, infected=True)
    hub.requests.clear()
    found = planned(capsys, "user/broken", "--push")["hub"]
    weights = len(files["model.safetensors"])
    assert weights <= found["download_bytes"] <= weights + 20_000
    kept = sum(len(files[name]) for name in files.keys() - {"README.md", "old.pkl", "a.bin"})
    assert 0.95 * weights < found["upload_bytes"] - found["mask_bytes"] <= kept
    assert found["source_visibility"] == "public"
    assert found["security"] == "2 files with issues: old.pkl, a.bin"
    # Its config and card are here already: it was compared with the source by its headers.
    assert (found["reference"], found["reference_bytes"] >= weights) == ("org/aligned", True)
    assert (found["target"], found["kind"]) == ("me/broken-repaired", "new repository")
    assert (found["visibility"], found["account"], found["exists"]) == ("public", "me", False)
    assert found["there"]["deleted"] == []
    changing = {path for method, path in hub.requests if method not in ("GET", "HEAD")}
    assert changing == {"/api/validate-yaml"}, "it asks whether the card will do, and no more"
    assert "me/broken-repaired" not in hub.repos


def test_in_place_names_what_it_deletes(hub, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    fill(hub, "me/broken")
    found = planned(capsys, "me/broken", "--push", "--in-place")["hub"]
    assert found["there"]["deleted"] == ["a.bin", "old.pkl"]
    assert (found["target"], found["kind"], found["exists"]) == ("me/broken", "in place", True)


@pytest.mark.parametrize(
    ("options", "flags", "visibility"),
    [
        ([], {"private": True}, "private"),
        (["--private"], {}, "private"),
        ([], {"gated": "manual"}, "public, gated (manual)"),
    ],
)
def test_who_will_see_it(hub, capsys, monkeypatch, tmp_path, options, flags, visibility):
    monkeypatch.chdir(tmp_path)
    fill(hub, "me/broken", **flags)
    assert planned(capsys, "me/broken", "--push", *options)["hub"]["visibility"] == visibility


@pytest.mark.parametrize(
    ("flags", "options", "visibility"),
    [
        ({"private": True}, [], "private"),
        ({"gated": "manual"}, [], "public, gated (manual)"),
        ({"gated": "manual"}, ["--subject=weight"], "public"),
        ({"gated": "manual"}, ["--reference=none"], "public"),
        ({"gated": "manual"}, ["--reference=org/aligned"], "public, gated (manual)"),
    ],
)
def test_the_base_that_the_card_names_counts(
    hub, capsys, monkeypatch, tmp_path, flags, options, visibility
):
    monkeypatch.chdir(tmp_path)
    fill(hub)
    for name, value in flags.items():
        setattr(hub.repos["org/aligned"], name, value)
    hub.repos["org/aligned"].readers.add("me")
    found = planned(capsys, "user/broken", "--push", *options)["hub"]
    assert found["visibility"] == visibility


@pytest.mark.parametrize("flags", [{"private": True}, {"gated": "manual"}])
def test_a_base_that_this_token_may_not_read_is_no_reference(
    hub, capsys, monkeypatch, tmp_path, flags
):
    monkeypatch.chdir(tmp_path)
    fill(hub)
    for name, value in flags.items():
        setattr(hub.repos["org/aligned"], name, value)
    found = planned(capsys, "user/broken", "--push")["hub"]
    assert (found["visibility"], found["reference_bytes"]) == ("public", 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--in-place"], "the token gives no right to write to user/broken"),
        (["--to=club/x"], "me may make no repository under club"),
        (["--to=org/aligned"], "the token gives no right to write to org/aligned"),
    ],
)
def test_what_would_be_refused_is_shown_with_its_exit_code(
    hub, capsys, monkeypatch, tmp_path, options, said
):
    monkeypatch.chdir(tmp_path)
    fill(hub)
    found = planned(capsys, "user/broken", "--push", *options, code=3)
    assert (found["error"]["message"], found["error"]["exit_code"]) == (said, 3)
    assert found["hub"]["target"] is None
    assert found["hub"]["download_bytes"] > 0, "what is known is shown all the same"


def test_a_token_that_may_only_read_is_told(hub, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    fill(hub)
    hub.accounts["hf_readread"] = Account("me", "read")
    monkeypatch.setenv("HF_TOKEN", "hf_readread")
    error = planned(capsys, "user/broken", "--push", code=3)["error"]
    assert error["message"] == "the token of me may only read"
    assert "error" not in planned(capsys, "user/broken")


def test_a_folder_that_is_not_pushed_asks_nothing(hub, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert planned(capsys, str(paths.attacked))["hub"] is None
    assert hub.requests == []
    found = planned(capsys, str(paths.attacked), "--push", "--to=mine")["hub"]
    assert (found["target"], found["download_bytes"]) == ("me/mine", 0)


def test_a_reference_is_announced_however_it_is_known(hub, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    fill(hub)
    folder = tmp_path / "model"
    shutil.copytree(paths.attacked, folder)
    (folder / "README.md").write_bytes(CARD)
    weights = (paths.reference / "model.safetensors").stat().st_size
    for named in (["user/broken"], [str(folder)], [str(paths.attacked), "--reference=org/aligned"]):
        found = planned(capsys, *named)["hub"]
        assert found["reference"] == "org/aligned"
        assert weights <= found["reference_bytes"] < weights + 50_000
    local = ["user/broken", f"--reference={paths.reference}"]
    for none in (["user/broken", "--reference=none"], local):
        found = planned(capsys, *none)["hub"]
        assert (found["reference"], found["reference_bytes"]) == (None, 0)
    error = planned(capsys, "user/broken", "--reference=org/missing", code=3)["error"]
    assert error["message"].startswith("there is no model org/missing")


def test_a_folder_is_planned_for_without_a_network(hub, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "model"
    shutil.copytree(paths.attacked, folder)
    (folder / "README.md").write_bytes(CARD)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    found = planned(capsys, str(folder))
    assert found["hub"] is None
    assert any("org/aligned is not used as reference" in note for note in found["notes"])
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert planned(capsys, str(folder))["hub"] is None


def test_no_weight_is_read(hub, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    files = fill(hub)
    served = []
    ranged = reading.ranged

    def watched(request, data, headers):
        answer = ranged(request, data, headers)
        if request.method == "GET" and data == files["model.safetensors"]:
            served.append(len(answer.body))
        return answer

    monkeypatch.setattr(reading, "ranged", watched)
    planned(capsys, "user/broken", "--push")
    assert served and all(each <= 100_001 for each in served), "the header's range, no more"


def test_people_see_it_in_the_table(hub, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    fill(hub)
    assert run(["plan", "user/broken", "--push", *SETS, "--details"]) == 0
    shown = capsys.readouterr().out
    for word in ("me/broken-repaired", "upload bytes", "reference bytes", "org/aligned",
                 "time, at least", "time, at most"):  # fmt: skip
        assert word in shown, word


def test_torch_stays_out_of_plan_and_push(hub, tmp_path):
    import subprocess
    import sys

    fill(hub)
    program = (
        "import sys; from modelrepair.cli.main import run\n"
        f"codes = [run(['plan', 'user/broken', '--push', *{SETS}]), run(['push', 'nowhere'])]\n"
        "print(codes, sorted({'torch', 'transformers'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(hub, tmp_path / "home", token=hub.token),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == "[0, 2] []", done.stderr
    assert ROOT.is_dir()


@pytest.mark.quick("a--b-*", "my model-*")
@pytest.mark.parametrize(
    ("name", "suggested"),
    [
        ("my model", "my-model-repaired"),
        ("modèle", "modele-repaired"),
        ("模型", "model-repaired"),
        ("a--b", "a-b-repaired"),
        ("x" * 97, "x" * 87 + "-repaired"),
        ("x" * 90, "x" * 87 + "-repaired"),
    ],
)
def test_a_folder_that_names_no_repository_is_refused_before_any_work(
    hub, capsys, monkeypatch, tmp_path, name, suggested
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(paths.attacked, tmp_path / name)
    for command in ("fix", "plan"):
        for json_too in ([], ["--json"]):
            assert run([command, name, "--push", *json_too]) == 2
            output = "".join(capsys.readouterr())
            assert f"--to {suggested}" in output, output
    assert run(["fix", name, "--push", f"--to={name} too"]) == 2
    assert "is no id on the Hub" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert hub.requests == []


def test_the_suggested_name_works(hub, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(paths.attacked, tmp_path / "my model")
    found = planned(capsys, "my model", "--push", "--to=my-model-repaired")["hub"]
    assert found["target"] == "me/my-model-repaired"
