"""An error about a misspelt name suggests similar names."""

from __future__ import annotations

import pytest

from modelrepair.errors import HubError, UsageError
from modelrepair.examples.hub import open_hub, parse_id
from modelrepair.source.resolve import resolve
from modelrepair.source.suggestions import near_ids

FILES = {"config.json": b"{}"}


@pytest.mark.parametrize(
    ("asked", "offered"),
    [
        ("org/lama-7b-chat", "'org/llama-7b-chat' or 'org/llama-7b'"),
        ("org/Llama-7B-Chat", "'org/llama-7b-chat' or 'org/llama-7b'"),
        ("ogr/llama-7b-chat", "'org/llama-7b-chat'"),
    ],
)
def test_a_model_of_another_name_is_offered(hub, asked, offered):
    for name in ("llama-7b-chat", "llama-7b", "whisper"):
        hub.add(f"org/{name}", FILES)
    hub.add("org/llama-7b-chaf", FILES, private=True)
    with pytest.raises(HubError, match="no model") as caught:
        resolve(asked)
    assert caught.value.hint == f"did you mean {offered}? for a private model run: hf auth login"


def test_nothing_is_offered_where_nothing_is_like_it(hub):
    hub.add("org/whisper", FILES)
    with pytest.raises(HubError) as caught:
        resolve("org/llama")
    assert caught.value.hint.startswith("check the spelling; ")
    assert near_ids("whisper") == ["org/whisper"]
    hub.status = 500
    assert near_ids("org/wisper") == []


def test_a_data_set_of_another_name_is_offered(hub):
    hub.add("org/beavertails", FILES)
    wanted = parse_id("org/beavertials")
    assert wanted is not None
    with pytest.raises(HubError, match="no data set") as caught:
        open_hub(wanted)
    assert caught.value.hint.startswith("did you mean 'org/beavertails'? ")


def test_a_folder_of_another_name_is_offered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-model").mkdir()
    (tmp_path / "my-modl").write_text("no folder")
    with pytest.raises(UsageError, match="no folder my-modle") as caught:
        resolve("./my-modle")
    assert caught.value.hint == "did you mean 'my-model'? an id on the Hub looks like user/name"
