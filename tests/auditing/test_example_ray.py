"""examples/audit-ray, on a local cluster: a line a model, also of one that is broken or lost."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.auditing import model
from tests.support.hub.client import environment
from tests.support.hub.faults import Fault

SCRIPT = Path(__file__).parents[2] / "examples/audit-ray/audit_on_ray.py"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("audit_on_ray", SCRIPT)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def run(hub, folder, *arguments):
    """The script as users run it."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), "ids.txt", "--out", "audits.jsonl", *arguments],
        env=environment(hub, folder / "home", token=hub.token), cwd=folder,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def rows(folder):
    """Asked name → its document."""
    lines = (folder / "audits.jsonl").read_text().splitlines()
    assert "options" in json.loads(lines[0])
    found = [json.loads(line) for line in lines[1:]]
    assert len({row["asked"] for row in found}) == len(found)
    return {row["asked"]: row["audit"] for row in found}


def kill_workers(folder):
    """End the workers of this cluster that look at a model."""
    for each in psutil.process_iter():
        try:
            if each.name().startswith("ray::look") and each.cwd() == str(folder):
                each.kill()
        except psutil.Error:
            continue


@pytest.mark.slow
def test_a_list_over_a_local_cluster(hub, tmp_path):
    pytest.importorskip("ray")
    hub.add("user/good", model())
    hub.add("user/pickled", {**model(), "old.pkl": b"x"})
    hub.add("user/broken", {"config.json": b"{", "model.safetensors": b"\0" * 20})
    hub.add("user/dies", model())
    names = ["user/good", "user/none", "user/dies", "user/pickled", "user/broken"]
    (tmp_path / "ids.txt").write_text("\n".join(["# a list", *names, "", "user/good"]))
    hub.faults.append(Fault("GET", "user/dies", act=lambda hub: kill_workers(tmp_path)))
    ended = run(hub, tmp_path, "--at-once", "1")
    assert ended.returncode == 1, ended.stderr
    assert "5 models" in ended.stdout
    first = rows(tmp_path)
    assert list(first) == names
    assert "error" not in first["user/good"]
    assert first["user/none"]["error"]["exit_code"] == 3
    assert "its worker died 3 times" in first["user/dies"]["error"]["message"]
    assert [each["outcome"] for each in first["user/pickled"]["stages"]["metadata"]
            if each["id"] == "MR-FIL-001"] == ["found"]  # fmt: skip

    # Again: only what may have passed is looked at.
    hub.faults.clear()
    hub.add("user/none", model())
    hub.requests.clear()
    assert run(hub, tmp_path).returncode == 1
    second = rows(tmp_path)
    changed = {"user/none", "user/dies"}
    assert {name for name in names if second[name] != first[name]} == changed
    assert not [name for name in changed if "error" in second[name]]
    asked = {"/".join(path.split("/")[1:3]) for _, path in hub.requests if "/resolve/" in path}
    assert asked == changed


def test_a_stopped_run_resumes_from_the_whole_lines(script, tmp_path):
    out, options = tmp_path / "audits.jsonl", {"base": None, "deep": False}
    assert script.resume(out, options) == {}
    kept = {"asked": "user/a", "audit": {"model": "user/a"}}
    gone = {"asked": "user/b", "audit": {"model": "user/b", "error": {"exit_code": 4}}}
    with out.open("a") as file:
        file.write(f"{json.dumps(kept)}\n{json.dumps(gone)}\n{json.dumps(kept)[:20]}")
    assert script.resume(out, options) == {"user/a": {"model": "user/a"}}
    assert out.read_text().splitlines()[1:] == [json.dumps(kept)]
    with pytest.raises(ValueError, match="other options"):
        script.resume(out, {**options, "deep": True})


def test_a_list_has_each_name_once(script, tmp_path):
    path = tmp_path / "ids.txt"
    path.write_bytes(b"\xef\xbb\xbfuser/a\r\n# no\r\n\r\nuser/b\r\nuser/a")
    assert script.wanted(path) == ["user/a", "user/b"]


def test_a_list_that_is_not_there_is_a_line(script, tmp_path, capsys):
    assert script.main([str(tmp_path / "none.txt"), "--out", str(tmp_path / "out")]) == 2
    assert "none.txt" in capsys.readouterr().err


def test_a_lost_worker_is_a_model_that_was_not_looked_at(script):
    document = script.lost("user/a", RuntimeError("gone"))
    assert document["error"]["exit_code"] == 4
    assert "RuntimeError" in document["error"]["message"]


def test_one_task_gives_the_audit_or_why_there_is_none(hub, script):
    hub.add("user/a", model())
    options = {"base": None, "deep": False}
    assert script.look_at("user/a", options)["stages"]["metadata"]
    assert script.look_at("user/none", options)["error"]["exit_code"] == 3
