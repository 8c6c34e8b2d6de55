"""What is asked of the Hub, and in which order: the source first, and no set that is not needed."""

from __future__ import annotations

import json
import shutil

from modelrepair.cli.main import run
from tests.support.hub.order import (
    FIXED,
    SETS,
    asked,
    filled_fixture,  # noqa: F401
)


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
