"""An earlier repair at the target: replaced where it is whole, in the way where it is not."""

from __future__ import annotations

import pytest

from modelrepair import push
from modelrepair.errors import (
    HubError,
    UsageError,
)
from tests.support.hub.repaired import files_of, on_the_hub
from tests.support.hub.second_pushes import two_repairs, without_hubs_own


def test_another_repair_of_the_same_source_takes_the_place_of_the_first(hub, tmp_path):
    push(on_the_hub(hub, tmp_path / "one", sharded=True).out)
    other = on_the_hub(hub, tmp_path / "two")
    report = push(other.out)
    assert without_hubs_own(hub.repos["me/model-repaired"].files()) == files_of(other.out)
    assert "model-00001-of-00002.safetensors" in report.deleted


def test_a_broken_manifest_there_is_in_the_way_and_names_no_file_of_ours(hub, tmp_path):
    _, two, repo = two_repairs(hub, tmp_path)
    changed = hub.add("me/model", {**repo.files(), "repair/manifest.json": b"newer"})
    said = r"me/model holds repair/manifest.json, which no repair of me/model wrote"
    with pytest.raises(UsageError, match=said) as caught:
        push(two.out, in_place=True)
    assert "--to" in caught.value.hint and "--delete repair/manifest.json" in caught.value.hint
    assert repo.head == changed


@pytest.mark.parametrize("name", ["config.json", "README.md"])
def test_what_was_changed_after_an_earlier_repair_is_not_lost_either(hub, tmp_path, name):
    _, two, repo = two_repairs(hub, tmp_path)
    changed = hub.add("me/model", {**repo.files(), name: b"newer"})
    with pytest.raises(HubError, match=rf"{name} of me/model was changed since") as caught:
        push(two.out, in_place=True)
    assert "repair its newest commit" in caught.value.hint
    assert repo.head == changed
