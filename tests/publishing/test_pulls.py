"""Pull requests of ours on a source: the one that is open, and those that were closed."""

from __future__ import annotations

import pytest

from modelrepair import push
from modelrepair.errors import HubError
from tests.support.hub.repaired import PICKLES, on_the_hub


def test_one_pull_request_however_often(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    head = hub.repos["user/model"].head
    report = push(made.out, pr=True)
    repo = hub.repos["user/model"]
    assert report.url.endswith("/user/model/discussions/1")
    assert (report.revision, repo.head) == ("refs/pr/1", head)
    files = repo.files("refs/pr/1")
    assert not PICKLES & files.keys()
    assert {*report.deleted} == PICKLES
    assert all(name in repo.commit("refs/pr/1").description for name in PICKLES)
    assert files["notes.csv"] == b"1,2"
    assert files["model.safetensors"] == (made.out / "model.safetensors").read_bytes()
    assert push(made.out, pr=True).nothing

    other = on_the_hub(hub, tmp_path / "other", store_values=True)
    hub.repos["user/model"].refs["main"] = head
    more = push(other.out, pr=True)
    assert more.revision == "refs/pr/1"
    assert "repair/values.safetensors" in repo.files("refs/pr/1")
    assert len(repo.discussions) == 1


def test_pages_of_other_pull_requests_hide_none(hub, tmp_path, api):
    from huggingface_hub import CommitOperationAdd

    made = on_the_hub(hub, tmp_path)
    hub.page = 1
    for number in range(3):
        api.create_commit(
            "user/model",
            [CommitOperationAdd(f"n{number}.txt", b"x")],
            commit_message=f"Other {number}",
            create_pr=True,
        )
    assert push(made.out, pr=True).revision == "refs/pr/4"
    assert push(made.out, pr=True).revision == "refs/pr/4"


def test_a_pull_request_that_was_closed_or_merged(hub, tmp_path, api):
    made = on_the_hub(hub, tmp_path)
    push(made.out, pr=True)
    talk = hub.repos["user/model"].discussions[0]
    talk.status = "closed"
    with pytest.raises(HubError, match="pull request 1 on user/model held this repair and was"):
        push(made.out, pr=True)
    hub.repos["user/model"].refs["main"] = hub.repos["user/model"].refs["refs/pr/1"]
    talk.status = "merged"
    assert push(made.out, pr=True).nothing
    assert len(hub.repos["user/model"].discussions) == 1
