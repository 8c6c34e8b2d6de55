"""The test Hub does what the Hub does, as the unmodified client sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.support.hub.client import point_at
from tests.support.hub.server import serve
from tests.support.hub.state import Account

WEIGHTS = bytes(range(256)) * 40
FILES = {
    "model.safetensors": WEIGHTS,
    "config.json": b"{}",
    "README.md": b"---\nlicense: mit\n---\n",
}
LARGE = {"model.safetensors"}


def adds(files: dict[str, bytes]) -> list[CommitOperationAdd]:
    return [CommitOperationAdd(name, data) for name, data in files.items()]


def test_who_am_i(hub, api):
    answer = api.whoami()
    assert (answer["name"], answer["auth"]["accessToken"]["role"]) == ("me", "write")
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        HfApi(token="hf_wrongwrong").model_info("me/none")


@pytest.mark.parametrize("part", [None, 3000], ids=["in one piece", "in parts"])
def test_what_is_pushed_is_what_is_pulled(hub, api, part, tmp_path):
    hub.part = part
    api.create_repo("me/new", private=True)
    assert hub.repos["me/new"].private
    done = api.create_commit("me/new", adds(FILES), commit_message="Add", commit_description="Why.")
    repo = hub.repos["me/new"]
    assert (repo.head, repo.commit().title, repo.commit().description) == (done.oid, "Add", "Why.")
    folder = Path(snapshot_download("me/new"))
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert [b.large for b in repo.commit().files.values()] == [False, True, False, False]
    # The store of large files never sees the token.
    assert {token for role, token in hub.tokens_seen if role == "cdn"} == {None}
    assert ("PUT" in {method for method, path in hub.requests if "/parts/" in path}) == bool(part)


def test_the_same_again_is_no_commit(hub, api):
    head = hub.add("me/model", FILES)
    assert api.create_commit("me/model", adds(FILES), commit_message="Again").oid == head
    assert not any(method == "PUT" for method, _ in hub.requests)


def test_pull_requests(hub, api):
    head = hub.add("other/model", FILES)
    with pytest.raises(HfHubHTTPError, match="create_pr"):
        api.create_commit("other/model", adds({"new.txt": b"1"}), commit_message="No")
    made = api.create_commit(
        "other/model", adds({"new.txt": b"1"}), commit_message="Yes", create_pr=True
    )
    assert (made.pr_num, made.pr_revision) == (1, "refs/pr/1")
    repo = hub.repos["other/model"]
    assert repo.head == head
    assert repo.files("refs/pr/1") == {**FILES, "new.txt": b"1"}
    api.create_commit(
        "other/model", adds({"new.txt": b"2"}), commit_message="More", revision="refs/pr/1"
    )
    assert repo.files("refs/pr/1")["new.txt"] == b"2"
    (listed,) = api.get_repo_discussions("other/model", author="me", discussion_type="pull_request")
    assert (listed.num, listed.title, listed.status) == (1, "Yes", "open")
    assert Path(hf_hub_download("other/model", "new.txt", revision="refs/pr/1")).read_text() == "2"


def test_branches_deletions_and_races(hub, api):
    head = hub.add("me/model", FILES)
    api.create_branch("me/model", branch="v2")
    api.create_branch("me/model", branch="v2", exist_ok=True)
    gone = [CommitOperationDelete("config.json")]
    api.create_commit("me/model", gone, commit_message="Less", revision="v2", parent_commit=head)
    repo = hub.repos["me/model"]
    assert "config.json" not in repo.files("v2") and "config.json" in repo.files()
    with pytest.raises(HfHubHTTPError, match="412"):
        api.create_commit(
            "me/model", adds({"a": b"a"}), commit_message="Late", revision="v2", parent_commit=head
        )
    with pytest.raises(RemoteEntryNotFoundError):
        api.create_commit("me/model", [CommitOperationDelete("none")], commit_message="None")
    assert {ref.name for ref in api.list_repo_refs("me/model").branches} == {"main", "v2"}
    assert [c.title for c in api.list_repo_commits("me/model", revision="v2")] == ["Less", "Upload"]


def test_rights(hub, api):
    hub.add("other/model", FILES)
    hub.add("other/gated", FILES, gated=True)
    hub.add("other/private", FILES, private=True)
    hub.repos["other/private"].readers.clear()
    hub.add("team/model", FILES)
    api.auth_check("team/model", write=True)
    for id, error in (("other/gated", GatedRepoError), ("other/private", RepositoryNotFoundError)):
        with pytest.raises(error):
            hf_hub_download(id, "config.json")
    assert api.model_info("other/gated").gated == "auto"
    with pytest.raises(HfHubHTTPError, match="403"):
        api.auth_check("other/model", write=True)
    with pytest.raises(RevisionNotFoundError):
        api.model_info("other/model", revision="none")
    with pytest.raises(HfHubHTTPError, match="403"):
        api.create_repo("club/model")
    hub.accounts["hf_readread"] = Account("me", "read")
    reader = HfApi(token="hf_readread")
    for refused in (
        lambda: reader.create_repo("me/new"),
        lambda: reader.auth_check("team/model", write=True),
        lambda: reader.create_commit("other/model", adds(FILES | {"a": b""}), commit_message="a",
                                     create_pr=True),
    ):  # fmt: skip
        with pytest.raises(HfHubHTTPError, match="403"):
            refused()


def test_settings_and_names_that_are_taken(hub, api):
    url = api.create_repo("me/new")
    assert api.create_repo("me/new", exist_ok=True) == url
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo("me/new")
    api.update_repo_settings("me/new", gated="manual", private=True)
    assert (hub.repos["me/new"].gated, hub.repos["me/new"].private) == ("manual", True)


def test_ranges_pages_and_metadata(hub, api):
    import json

    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    data = len(header).to_bytes(8, "little") + header + bytes(8)
    hub.add("me/model", {**FILES, "model.safetensors": data})
    assert api.get_safetensors_metadata("me/model").files_metadata["model.safetensors"].tensors
    hub.page = 1
    assert {entry.path for entry in api.list_repo_tree("me/model")} == FILES.keys()
    sizes = {s.rfilename: s.size for s in api.model_info("me/model", files_metadata=True).siblings}
    assert sizes["model.safetensors"] == len(data)
    (info,) = api.get_paths_info("me/model", ["model.safetensors", "none"])
    assert info.lfs.size == len(data)


def test_xet_for_real(monkeypatch, tmp_path):
    weights = bytes(range(251)) * 9000
    with serve(tmp_path / "store") as hub:
        point_at(hub, monkeypatch, tmp_path, xet=True)
        monkeypatch.setenv("HF_TOKEN", hub.token)
        api = HfApi()
        api.create_repo("me/new")
        api.create_commit(
            "me/new", adds({**FILES, "model.safetensors": weights}), commit_message="By Xet"
        )
        blob = hub.repos["me/new"].commit().files["model.safetensors"]
        assert (blob.data, len(blob.xet)) == (weights, 64)
        assert not any(method == "PUT" for method, _ in hub.requests)
        by_xet = Path(hf_hub_download("me/new", "model.safetensors"))
        assert by_xet.read_bytes() == weights
        assert not any(path.startswith("/objects/") for method, path in hub.requests)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        plain = hf_hub_download("me/new", "model.safetensors", cache_dir=tmp_path / "other")
        assert Path(plain).read_bytes() == weights


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 500}, "500"),
        ({"status": 429, "headers": {"Retry-After": "1"}}, "429"),
        ({"status": 409, "message": "busy"}, "busy"),
        ({"cut": 5}, "."),
    ],
)
def test_it_goes_wrong_when_told_and_then_right(hub, api, fault, said):
    hub.add("me/model", FILES)
    hub.fail("GET", "^/api/models/me/model$", times=1, **fault)
    with pytest.raises(Exception, match=said):
        api.model_info("me/model")
    assert api.model_info("me/model").id == "me/model"


def test_faults_below_the_protocol(hub, api, tmp_path):
    hub.add("me/model", FILES)
    hub.fail("GET", "/objects/", corrupt=True, times=1)
    path = hf_hub_download("me/model", "model.safetensors")
    # The client does not look: whoever needs the right bytes has to.
    assert Path(path).read_bytes() != WEIGHTS
    hub.fail("POST", "/commit/", lost=True, times=1)
    with pytest.raises(Exception, match=r"(?i)disconnected|reset|closed|peer"):
        api.create_commit("me/model", adds({"a": b"a"}), commit_message="Lost")
    assert "a" in hub.repos["me/model"].files()
    hub.fail("PUT", "/upload/", cut=10, times=2)
    api.create_commit("me/model", adds({"b.bin": WEIGHTS * 30}), commit_message="Cut")
    assert hub.repos["me/model"].files()["b.bin"] == WEIGHTS * 30
