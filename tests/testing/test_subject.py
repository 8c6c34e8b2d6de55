"""Plug-ins are found by their name, and what their checks share is made once."""

from __future__ import annotations

import pytest

from modelrepair.errors import PluginError, UsageError
from modelrepair.testing.checks import NotApplicable
from modelrepair.testing.subject import open_subject
from tests.support.installed import install, scorer_code, site  # noqa: F401


def test_the_kind_follows_from_the_name(tmp_path):
    assert open_subject("wanda", folder=tmp_path).kind.name == "scorer"
    assert open_subject("keyword", folder=tmp_path).kind.name == "judge"
    assert open_subject("beavertails", folder=tmp_path).kind.name == "example-set"


def test_an_unknown_name(tmp_path):
    with pytest.raises(UsageError, match="no scorer named 'wnada'") as error:
        open_subject("wnada", folder=tmp_path)
    assert "wanda" in error.value.hint
    with pytest.raises(UsageError, match="no judge named 'wanda'"):
        open_subject("wanda", "judge", folder=tmp_path)
    with pytest.raises(UsageError, match="no kind of plug-in is 'score'"):
        open_subject("wanda", "score", folder=tmp_path)


def test_a_plugin_that_can_not_be_loaded(tmp_path, install):  # noqa: F811
    install("modelrepair-broken", "raise ImportError('no such thing')")
    with pytest.raises(PluginError, match="could not be loaded"):
        open_subject("broken", folder=tmp_path)


def test_a_name_of_two_kinds(tmp_path, install):  # noqa: F811
    install("keyword-scorer", scorer_code("keyword"))
    with pytest.raises(UsageError, match="is a scorer and a judge") as error:
        open_subject("keyword", folder=tmp_path)
    assert "--kind scorer" in error.value.hint
    assert open_subject("keyword", "judge", folder=tmp_path).kind.name == "judge"


def test_what_checks_share_is_made_once(tmp_path):
    subject = open_subject("wanda", folder=tmp_path)
    asked = []

    def make(given):
        asked.append(given)
        return "made"

    assert [subject.once(make), subject.once(make)] == ["made", "made"]
    assert asked == [subject]


def test_what_failed_fails_once(tmp_path):
    subject = open_subject("wanda", folder=tmp_path)

    def fail(given):
        raise KeyError("no such option")

    with pytest.raises(KeyError):
        subject.once(fail)
    with pytest.raises(NotApplicable, match="an earlier check failed: 'no such option'"):
        subject.once(fail)
