"""Rights and target are checked before a weight is read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub.constants as constants
import pytest

from modelrepair.cli.main import run
from modelrepair.errors import UnsupportedModelError
from modelrepair.publishing.ahead import destination_ahead
from modelrepair.publishing.options import PushOptions
from tests.support.hub.leaks import found_in
from tests.support.hub.sharded import (
    QUICK,
    fill,
    here_fixture,  # noqa: F401
)
from tests.support.hub.state import Account

ELSEWHERE = ("--in-place", "--to=club/x", "--to=org/aligned")


READS, NONE = "the token of me may only read", "there is no token to push with"


NO_RIGHT = "may make no repository under me|may open no pull request|may not write to user"
DOORS = [
    *(("hf_finegrained", way, NO_RIGHT) for way in ("", "--pr", "--in-place")),
    *(("hf_readread", way, READS) for way in ("", "--pr", *ELSEWHERE)),
    *((None, way, NONE) for way in ("", "--pr", *ELSEWHERE)),
    *(("hf_rightright", way, "no right|may make no repository") for way in ELSEWHERE),
]


@pytest.mark.parametrize(("token", "way", "said"), DOORS)
def test_the_doors_are_tried_before_anything_is_fetched(
    hub, here, monkeypatch, capsys, token, way, said
):
    monkeypatch.chdir(here)
    fill(hub)
    hub.accounts["hf_readread"] = Account("me", "read")
    reads = (("user me", ("repo.content.read",)),)
    hub.accounts["hf_finegrained"] = Account("me", "fineGrained", scopes=reads)
    monkeypatch.delenv("HF_TOKEN")
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    assert run(["fix", "user/broken", *QUICK, *([way] if way else [])]) == 3
    captured = capsys.readouterr()
    assert re.search(said, json.loads(captured.out)["error"]["message"])
    assert not list(Path(constants.HF_HUB_CACHE).rglob("*.safetensors")), "headers, no weights"
    assert {method for method, _ in hub.requests} <= {"GET", "HEAD"}
    assert {path.name for path in here.iterdir()} == {"realign.jsonl"}
    assert not found_in(hub, here, captured.err, captured.out)


def test_a_merge_with_a_base_that_was_broken_on_purpose_is_refused_at_once(tmp_path):
    for name in ("adapter", "base"):
        (tmp_path / name).mkdir()
    (tmp_path / "base" / "config.json").write_text('{"modelrepair_lab": {"made": "attacked"}}')
    source = SimpleNamespace(folder=tmp_path / "adapter")
    with pytest.raises(UnsupportedModelError, match="broken on purpose"):
        destination_ahead(source, PushOptions(), str(tmp_path / "base"), merge=True)
