"""Saved measurements that decide a repair are of its prompts, and each of one model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from modelrepair import decide
from modelrepair.errors import UsageError
from tests.support.later import contents, out_fixture  # noqa: F401

CHANGES = {
    "another judge": (lambda m: m["judge"].update(name="keyword"), "its judge is keyword"),
    "another length": (lambda m: m["asked"].update(max_new_tokens=9), "its max_new_tokens is 9"),
    "another template": (lambda m: m.update(template="a.jinja"), "the template 'a.jinja'"),
    "a prompt less": (lambda m: m["rows"].pop(), "lacks 1 of the borderline prompts"),
    "other prompts": (
        lambda m: [row.update(prompt="0" * 64) for row in m["rows"] if row["set"] == "harmful"],
        "lacks 60 of the harmful prompts",
    ),
    "no measurement": (lambda m: m.pop("rows"), "is no saved measurement"),
    "a later version": (lambda m: m.update(version=2), "is no saved measurement"),
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_measurement_that_can_not_be_compared_is_refused(how, later, saved, out, tmp_path):
    change, said = CHANGES[how]
    document = json.loads((saved / "after.json").read_text())
    change(document)
    other = tmp_path / "other.json"
    other.write_text(json.dumps(document))
    kept = contents(out)
    with pytest.raises(UsageError, match=said) as refused:
        decide(out, before=saved / "before.json", after=other, **later.sets)
    assert refused.value.hint
    assert contents(out) == kept
    assert not out.with_name("out.deciding").exists()


SECOND = {
    "another model there": (
        lambda m: m["answers"].update(model="another/name"),
        "are of different",
    ),
    "another route": (lambda m: m["answers"].update(route="chat/completions"), "are of different"),
    "another verdict": (
        lambda m: m["rows"][0].update(verdict="refusal"),
        "two things of one prompt",
    ),
    "the same": (lambda m: None, ""),
}


@pytest.mark.parametrize("how", SECOND)
def test_files_of_one_model_are_of_one_model_and_say_one_thing(how, later, saved, out, tmp_path):
    change, said = SECOND[how]
    document = json.loads((saved / "before.json").read_text())
    change(document)
    (tmp_path / "second.json").write_text(json.dumps(document))
    asked = {"before": [saved / "before.json", tmp_path / "second.json"], **later.sets}
    if not said:
        assert decide(out, after=saved / "after.json", **asked).verdict == "passed"
        return
    kept = contents(out)
    with pytest.raises(UsageError, match=said) as refused:
        decide(out, after=saved / "after.json", **asked)
    assert refused.value.id == "other-measurement"
    assert contents(out) == kept


def test_models_are_told_apart(later, saved, out, tmp_path):
    copy = Path(shutil.copy(saved / "before.json", tmp_path / "copied.json"))
    with pytest.raises(UsageError, match="the same as another model"):
        decide(out, before=saved / "before.json", after=copy, **later.sets)
    with pytest.raises(UsageError, match="the same as another model"):
        decide(out, before=saved / "before.json", after=saved / "before.json", **later.sets)
    with later.servers() as (source, _), pytest.raises(UsageError, match="the same as another"):
        decide(out, before=source.url, after=source.url, **later.sets)
