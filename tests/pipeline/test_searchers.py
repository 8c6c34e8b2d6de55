"""What a scorer or a repairer of a run lacks, and where its work lies."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from modelrepair.errors import UsageError
from modelrepair.pipeline import searchers
from modelrepair.pipeline.searchers import missing_set, require_for_scorer, work_folder
from modelrepair.plugin.file_scorers import scorer_from_file


@pytest.fixture
def scorer(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("class Mine:\n    sets = {'realign': 'pairs'}\n")
    return lambda: scorer_from_file(f"{path}:Mine")


def context_of(work=None, *, given=("realign",), answered=True, scorers=()):
    """A run with these sets."""
    one = SimpleNamespace(answered=answered, id="a set")
    return SimpleNamespace(
        workspace=SimpleNamespace(work=work),
        sets=SimpleNamespace(splits=dict.fromkeys(given), given=dict.fromkeys(given, one)),
        chosen=SimpleNamespace(scorers=scorers),
    )


def test_what_other_code_computed_is_not_gone_on_with(scorer, tmp_path):
    context = context_of(tmp_path)
    before = work_folder(context, "scorer-0", scorer())
    assert work_folder(context, "scorer-0", scorer()) == before
    path = tmp_path / "mine.py"
    path.write_text(path.read_text() + "    x = 1\n")
    assert work_folder(context, "scorer-0", scorer()) != before


@pytest.mark.parametrize(
    ("given", "answered", "can_answer", "missing"),
    [
        (("realign",), True, False, None),
        ((), True, True, ("realign", "a realign set")),
        (("realign",), False, True, None),
        (("realign",), False, False, ("realign", "answers in the realign set")),
    ],
)
def test_what_a_scorer_lacks_is_named(monkeypatch, scorer, given, answered, can_answer, missing):
    monkeypatch.setattr(searchers, "can_answer", lambda context, name: can_answer)
    context = context_of(given=given, answered=answered, scorers=[(scorer(), {})])
    found = missing_set(context, {"realign": "pairs"})
    if missing is None:
        assert found is None
        require_for_scorer(context, 0, "weight")
        return
    assert found is not None and found[0] == missing[0] and found[1].startswith(missing[1])
    with pytest.raises(UsageError, match=missing[1]):
        require_for_scorer(context, 0, "weight")
