"""What is fetched is said once, before it is fetched, with its size; and not again."""

from __future__ import annotations

from modelrepair.cli.main import run
from modelrepair.demo import paths
from modelrepair.source.fetching import saying
from modelrepair.source.resolve import resolve
from tests.support.hub.repaired import files_of


def test_one_line_a_fetch(hub):
    hub.add("user/model", files_of(paths.attacked))
    lines: list[str] = []
    with saying(lines.append):
        resolve("user/model", weights=False)
        resolve("user/model")
        resolve("user/model")
    assert len(lines) == 2, lines
    first, second = lines
    assert first.startswith("fetching user/model: ")
    assert first.endswith("kB)")
    assert second.startswith("fetching user/model: model.safetensors (1.8 MB)")


def test_a_command_says_it_off_the_terminal(hub, capsys, tmp_path, monkeypatch):
    hub.add("user/model", files_of(paths.attacked))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "u.jsonl").write_text('{"prompt": "2 + 2?", "response": "4"}\n')
    measured = ["measure", "user/model", "--utility=u.jsonl", "--max-new-tokens=1"]
    assert run([*measured, "--judge=demo-world"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("fetching user/model: ")
    assert any(line.startswith("model: benign refusals ") for line in said[1:])
