"""What the Hub would refuse of a card is found before the work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import constants

from modelrepair import push
from modelrepair.artifact.front_matter import check_front_matter
from modelrepair.cli.main import run
from modelrepair.demo import paths
from modelrepair.errors import HubError
from tests.support.hub.repaired import files_of, on_the_hub

TOKEN = "hf_abcdefghijklmnop"


def card(front: str) -> bytes:
    return f"---\n{front}\n---\n# Mine\n".encode()


@pytest.mark.parametrize(
    ("front", "said"),
    [
        (f"license: other\nlicense_name: {TOKEN}", "license_name in the card of user/model looks"),
        (f"license: {TOKEN}", "license in the card of user/model looks like a secret"),
        ("license: my-own-licence", '"license" must be one of'),
        ("license: mit\nlanguage: English", '"language" must only contain'),
    ],
)
@pytest.mark.parametrize("options", [[], ["--private"]])
def test_it_is_refused_before_the_work(hub, tmp_path, monkeypatch, capsys, front, said, options):
    monkeypatch.chdir(tmp_path)
    hub.add("user/model", {**files_of(paths.attacked), "README.md": card(front)})
    assert run(["fix", "user/model", "--push", *options, "--json"]) == 3
    captured = capsys.readouterr()
    error = json.loads(captured.out)["error"]
    assert said in error["message"] and "README.md in user/model" in error["hint"]
    assert TOKEN not in captured.out + captured.err
    asked = [path for _, path in hub.requests]
    assert not any("/datasets/" in path for path in asked)
    assert not list(Path(constants.HF_HUB_CACHE).rglob("*.safetensors"))


def test_a_push_is_refused_before_a_repository_is_made(hub, tmp_path):
    made = on_the_hub(hub, tmp_path, files={"README.md": card(f"license_name: {TOKEN}")})
    with pytest.raises(HubError, match="license_name in the card of user/model looks like"):
        push(made.out)
    assert "me/model-repaired" not in hub.repos


def test_a_hidden_word_in_a_long_text_is_no_reason(hub):
    check_front_matter({"license": "mit", "extra_gated_prompt": "Ask … first."}, "user/model")


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_hub_that_can_not_be_asked_is_no_reason(hub, status):
    hub.fail("POST", "/validate-yaml", status)
    check_front_matter({"license": "no-such"}, "user/model")


def test_a_reason_in_plain_text_is_taken(hub, monkeypatch):
    def refuse(self) -> None:
        raise ValueError("\n- license: unknown\n")

    monkeypatch.setattr("huggingface_hub.ModelCard.validate", refuse)
    with pytest.raises(HubError, match="does not take the card of user/model: license: unknown"):
        check_front_matter({}, "user/model")
