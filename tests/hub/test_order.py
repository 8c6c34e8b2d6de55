"""What is asked of the Hub, and in which order: the source first, and no set that is not needed."""

from __future__ import annotations

import json
import shutil

import pytest

from modelrepair.cli.main import run
from modelrepair.demo import paths
from tests.support.hub.order import filled_fixture  # noqa: F401
from tests.support.hub.repaired import files_of

SETS = ["--realign=org/harm", "--utility=none", "--borderline=none", "--judge=demo-world"]
FIXED = ["--ratio=0.01", "--no-evaluate", "--reference=none", "--json"]


def quantised(hub, config: dict) -> None:
    files = files_of(paths.attacked)
    known = json.loads(files["config.json"])
    hub.add("user/gptq", {**files, "config.json": json.dumps(known | config).encode()})


def asked(hub) -> list[str]:
    """What was asked for, each kind once, in the order in which it was first asked for."""
    kinds = []
    for _, path in hub.requests:
        data = "set" if "org/harm" in path else None
        weights = "weights" if path.endswith(".safetensors") else "source"
        kinds.append(data or ("account" if "whoami" in path else weights))
    return list(dict.fromkeys(kinds))


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


def test_a_set_that_no_scorer_needs_is_not_asked_for(filled, capsys):
    """Magnitude needs no example; the set is gated, and that is not reported."""
    quick = [*SETS, *FIXED, "--scorer=magnitude"]
    assert run(["fix", "user/broken", *quick]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "unmeasured"
    assert "set" not in asked(filled)
    assert run(["plan", "user/broken", *quick]) == 0
    assert "set" not in asked(filled)
    assert run(["fix", "user/broken", *SETS, *FIXED, "--scorer=wanda", "--out=other"]) == 3
    assert "set" in asked(filled)


def test_a_repair_that_needs_no_set_is_finished_whatever_the_sets_are(filled, capsys, monkeypatch):
    from modelrepair.pipeline import repair as pipeline

    def stopped(*arguments, **options):
        raise KeyboardInterrupt

    quick = ["fix", "user/broken", *SETS, *FIXED, "--scorer=magnitude"]
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "write_record", stopped)
        assert run(quick) == 130
    filled.repos.pop("org/harm")
    assert run(quick) == 0
    shutil.rmtree("broken-repaired")
