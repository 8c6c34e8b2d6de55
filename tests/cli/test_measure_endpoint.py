"""``measure --endpoint`` beside a server that fails: a line, a hint and an exit code."""

from __future__ import annotations

import json

import pytest

from modelrepair.cli.main import run
from modelrepair.demo import paths
from tests.support.endpoint import MODEL, serving
from tests.support.endpoint_failures import FAILURES, KEY, assert_said, without_pauses
from tests.support.set_files import write_jsonl

CASES = {
    **FAILURES,
    "wrong model": ({"model": "a/b"}, "endpoint-other-model", "--endpoint-model"),
}


@pytest.fixture
def rows(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELREPAIR_ENDPOINT_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    prompts = [{"prompt": f"how do i mix number {n}?", "response": "ok."} for n in range(3)]
    return write_jsonl(tmp_path / "set.jsonl", prompts)


def measured(rows, url: str, *more: str) -> int:
    named = ["--endpoint", url, "--endpoint-model", MODEL, "--endpoint-at-once", "1"]
    return run(["measure", str(paths.attacked), "--realign", str(rows), *named, *more])


@pytest.mark.parametrize("how", CASES)
def test_each_failure_is_a_line_a_hint_and_exit_code_3(how, rows, capsys, monkeypatch, tmp_path):
    settings, error, hint = CASES[how]
    if how in ("slow", "cut"):
        without_pauses(monkeypatch)
    with serving(**settings) as server:
        assert measured(rows, server.url) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert_said(said.err, server.url, error, hint)
    assert [each.name for each in tmp_path.iterdir()] == [rows.name]


def test_the_key_is_sent_and_stands_in_no_output_address_or_file(rows, capsys, tmp_path):
    with serving(key=KEY) as server:
        assert measured(rows, server.url, "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["endpoint"]["url"] == server.url
    assert set(server.keys) == {f"Bearer {KEY}"}
    assert KEY not in said.out + said.err + json.dumps(server.asked)
    assert KEY not in rows.read_text()
    assert [each.name for each in tmp_path.iterdir()] == [rows.name]


@pytest.mark.parametrize("url", [f"http://me:{KEY}@127.0.0.1/v1", f"http://127.0.0.1/v1?key={KEY}"])
def test_a_key_in_an_address_is_refused_and_not_said_again(url, rows, capsys):
    assert measured(rows, url) == 2
    said = capsys.readouterr()
    assert KEY not in said.out + said.err
    assert "MODELREPAIR_ENDPOINT_KEY" in said.err
