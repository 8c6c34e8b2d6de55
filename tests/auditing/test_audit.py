"""One model: what it is compared with, what ran, and which seed was drawn."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modelrepair.auditing.audit import Choices, asked_of, audit_one
from modelrepair.demo import paths
from modelrepair.errors import UsageError

CARD = b"---\nbase_model: user/base\n---\n"


def test_the_seed_is_fresh_and_is_taken_again():
    one, other = (audit_one(paths.reference, choices=Choices(base="none")) for _ in range(2))
    assert one.seed != other.seed
    assert audit_one(paths.reference, choices=Choices(base="none", seed=7)).seed == 7


def test_the_claimed_base_is_looked_up_on_the_hub(hub):
    hub.add("user/base", {"config.json": b"{}"})
    hub.add("user/model", {"config.json": b"{}", "README.md": CARD})
    audit = audit_one("user/model")
    assert (audit.base.name, audit.base.named_by) == ("user/base", "its card")
    assert audit.base.commit == hub.repos["user/base"].head
    assert audit.commit == hub.repos["user/model"].head


def test_a_base_that_cant_be_reached_ends_nothing(hub):
    hub.add("user/model", {"config.json": b"{}", "README.md": CARD})
    audit = audit_one("user/model")
    assert audit.base is None
    assert audit.findings


def test_base_overrides_the_claim(hub, tmp_path):
    hub.add("user/model", {"config.json": b"{}", "README.md": CARD})
    assert audit_one("user/model", choices=Choices(base=tmp_path)).base.named_by == "--base"
    assert audit_one("user/model", choices=Choices(base="none")).base is None


def test_a_base_that_the_user_names_wrongly_stops():
    with pytest.raises(UsageError):
        audit_one(paths.reference, choices=Choices(base="./none"))


def test_choices_as_a_state_file_keeps_them(tmp_path):
    asked = asked_of(Choices(base=tmp_path, candidates=("a", tmp_path), seed=1))
    assert asked["base"] == str(tmp_path)
    assert asked["candidates"] == ["a", str(tmp_path)]
    assert asked["stages"] == ["metadata", "structure", "lineage"]


def test_no_network_library_of_models_is_imported():
    code = (
        "import sys, modelrepair; from modelrepair import demo_paths as p;"
        "modelrepair.audit(p.attacked, base=p.reference);"
        "print(sorted({'torch', 'transformers', 'datasets', 'peft'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
