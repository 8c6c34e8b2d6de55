"""A repair that ends as a test wants it, and what its last lines have to keep to."""

from __future__ import annotations

from copy import deepcopy
from types import SimpleNamespace

import pytest


@pytest.fixture(name="ends")
def ends_fixture(api, call, monkeypatch):
    """A repair that ends so, at 80 columns: its lines below the table, and all of it."""
    monkeypatch.setenv("COLUMNS", "80")
    document = deepcopy(api.answers["repair"].to_json())

    def end(*typed, error=None, **facts):
        document.update(facts)
        report = SimpleNamespace(
            verdict=document["verdict"], out=document["out"], exit_code=0, to_json=lambda: document
        )

        def repair(source, **options):
            options["reported"](report)
            if error is not None:
                raise error
            return report

        api.answers["repair"] = repair
        result = call("fix", "user/model", *typed)
        lines = result.out.splitlines()
        below = max((i for i, line in enumerate(lines) if line[:1] in "└╰"), default=-1)
        return SimpleNamespace(result=result, last=lines[below + 1 :], above=lines[:below])

    return end


def assert_few(lines):
    """At most six lines, none wider than the terminal but for a command."""
    assert len(lines) <= 6
    for line in lines:
        assert len(line) <= 80 or "modelrepair " in line, line
