"""What is asked of a push, and what cannot be asked together."""

from __future__ import annotations

import pytest

from modelrepair.errors import UsageError
from modelrepair.examples.hub import parse_id
from modelrepair.pipeline.arguments import RepairArguments, settings_of
from modelrepair.publishing.options import PushOptions, check_id
from modelrepair.source.address import Name, one_revision
from modelrepair.source.resolve import resolve


def test_two_revisions_that_differ():
    assert one_revision(Name("user/model", "v2"), "v2") == "v2"
    for call in (
        lambda: resolve("user/model@v2", "v3"),
        lambda: settings_of(RepairArguments("user/model@v2", revision="v3")),
        lambda: PushOptions(to="me/model@v2", to_revision="v3"),
    ):
        with pytest.raises(UsageError, match=r"names the revision 'v2', and --(to-)?revision 'v3'"):
            call()


def test_the_same_rule_everywhere(monkeypatch):
    with pytest.raises(UsageError, match="no id on the Hub") as caught:
        check_id("my model")
    assert "my-model is one" in caught.value.hint
    for text in ("org/a--b", "org/a..b:train", f"org/{'x' * 97}", "org/modèle"):
        assert parse_id(text) is None
    for offline in (False, True):
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", offline)
        with pytest.raises(UsageError, match="neither a folder here nor an id"):
            resolve("org/a--b")
