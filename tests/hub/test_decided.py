"""Repairs by ids whose answers came later: decided, pushed and verified, adapters among them."""

from __future__ import annotations

import json
import shutil

import pytest

from modelrepair.cli.main import run
from modelrepair.demo import paths
from tests.support.hub.leaks import found_in
from tests.support.hub.repaired import files_of
from tests.support.hub.sharded import (
    fill,
    here_fixture,  # noqa: F401
)

LATER = ["--answer-later", "--judge=demo-world", "--scorer=wanda", "--ratio=0.01",
         "--examples=12", "--max-new-tokens=24"]  # fmt: skip
CASES = {
    "a model": ("user/broken", (), "delta"),
    "an adapter": ("user/adapter", (), "factor"),
    "a merged adapter": ("user/adapter", ("--merge",), "delta"),
}


@pytest.fixture
def ended(capsys):
    """A command with --json: its exit code and its document."""

    def end(*words: str):
        capsys.readouterr()
        code = run([*words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return end


@pytest.fixture
def sets(hub, here, later, monkeypatch):
    """The models are on the Hub, and the example sets in the working folder."""
    monkeypatch.chdir(here)
    fill(hub)
    config = json.loads((paths.adapter / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "org/aligned"
    adapter = {**files_of(paths.adapter), "adapter_config.json": json.dumps(config).encode()}
    hub.add("user/adapter", adapter)
    for path in later.sets.values():
        shutil.copy(path, here)
    return {role: path.name for role, path in later.sets.items()}


def options(sets, *roles):
    return [f"--{role.replace('_', '-')}={sets[role]}" for role in roles or sets]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_it_is_pushed_and_verified_once_it_is_decided(case, hub, here, later, sets, ended):
    source, more, subject = CASES[case]
    fix = ["fix", source, *LATER, *more, *options(sets)]
    code, refused = ended(*fix, "--push")
    assert (code, refused["error"]["id"]) == (2, "not-measured")
    code, fixed = ended(*fix, "--out=out", "--to=me/repaired", "--push", "--force")
    assert (code, fixed["verdict"], fixed["manifest"]["subject"]) == (0, "unmeasured", subject)
    repo = hub.repos["me/repaired"]
    assert repo.files()["README.md"].count(b"Unmeasured") == 1

    with later.servers(model="me/repaired") as (one, two):
        one.model = source
        code, decided = ended("decide", "out", "--before", one.url, "--after", two.url)
    assert (code, decided["verdict"]) == (0, "passed")
    code, pushed = ended("push", "out", "--to=me/repaired")
    assert (code, pushed["verdict"]) == (0, "passed")
    assert set(pushed["pushed"]) == {"README.md", "repair/manifest.json", "repair/verdicts.jsonl"}
    there = {name: data for name, data in repo.files().items() if name != ".gitattributes"}
    assert there == files_of(here / "out")
    code, checked = ended("verify", "me/repaired")
    assert (code, checked["ok"], checked["verdict"]) == (0, True, "passed")
    code, again = ended(*fix, "--out=out")
    assert (code, again["nothing_to_do"], again["verdict"]) == (0, True, "passed")
    assert not found_in(hub, here)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["an adapter", "a merged adapter"])
def test_saved_measurements_of_adapters_decide_and_of_other_models_do_not(
    case, hub, here, later, sets, ended
):
    source, more, _ = CASES[case]
    assert ended("fix", source, *LATER, *more, *options(sets), "--out=out")[0] == 0
    asked = [f"--{role}={sets[f'test_{role}']}" for role in ("realign", "utility", "borderline")]
    with later.servers() as servers:
        for name, model, server in (
            ("before", source, servers[0]),
            ("after", "out", servers[1]),
            ("other", "org/aligned", servers[1]),
        ):
            measure = ["measure", model, "--endpoint", server.url, "--endpoint-model", server.model]
            words = [*asked, "--judge=demo-world", "--max-new-tokens=24", f"--save={name}.json"]
            assert ended(*measure, *words)[0] == 0
    for before, after in (("other", "after"), ("before", "before")):
        code, refused = ended("decide", "out", f"--before={before}.json", f"--after={after}.json")
        assert (code, refused["error"]["id"]) == (2, "other-measurement")
        assert refused["error"]["hint"]
    code, decided = ended("decide", "out", "--before=before.json", "--after=after.json")
    assert (code, decided["verdict"]) == (0, "passed")
    code, refused = ended("decide", "out", "--before=before.json", "--after=after.json")
    assert (code, refused["error"]["id"]) == (2, "decided-already")
    assert not found_in(hub, here)
