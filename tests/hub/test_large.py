"""Files that are large by their size alone go up whole, and a download resumes where it broke."""

from __future__ import annotations

import pytest

from modelrepair import push
from modelrepair.errors import HubError
from modelrepair.source.resolve import resolve
from tests.support import small_repairs as making
from tests.support.hub import reading
from tests.support.hub.client import point_at
from tests.support.hub.repaired import files_of, on_the_hub
from tests.support.hub.server import serve

MEGABYTE = 2**20
VOCABULARY = b'{"version": "1.0", "filler": "' + b"0123456789abcdef" * (11 * 2**16) + b'"}'


@pytest.mark.parametrize("xet", [False, True], ids=["plain", "xet"])
def test_a_text_over_ten_megabytes_goes_up_as_a_large_file(monkeypatch, tmp_path, xet):
    make_checkpoint = making.make_checkpoint

    def with_a_large_vocabulary(folder, **options):
        made = make_checkpoint(folder, **options)
        (folder / "tokenizer.json").write_bytes(VOCABULARY)
        return made

    monkeypatch.setattr(making, "make_checkpoint", with_a_large_vocabulary)
    monkeypatch.setattr("tests.support.hub.repaired.make_checkpoint", with_a_large_vocabulary)
    with serve(tmp_path / "store") as hub:
        point_at(hub, monkeypatch, tmp_path, xet=xet)
        monkeypatch.setenv("HF_TOKEN", hub.token)
        hub.part = 4 * MEGABYTE
        made = on_the_hub(hub, tmp_path)
        hub.objects.clear()  # a store that knows none of it
        report = push(made.out)
        blob = hub.repos[report.target].commit().files["tokenizer.json"]
        assert blob.large and bool(blob.xet) == xet
        assert blob.data == VOCABULARY == files_of(made.out)["tokenizer.json"]
        assert "tokenizer.json" in report.pushed
        parts = [path for method, path in hub.requests if method == "PUT" and "/parts/" in path]
        assert len(parts) == (0 if xet else 3)
        assert push(made.out).nothing


def test_a_download_goes_on_where_it_broke(hub, monkeypatch, tmp_path):
    weights = files_of(making.make_checkpoint(tmp_path / "made"))
    large = weights["model.safetensors"]
    hub.add("user/model", weights)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 50)
    asked: list[tuple[str | None, int]] = []
    ranged = reading.ranged

    def watched(request, data, headers):
        answer = ranged(request, data, headers)
        if request.method == "GET" and data == large:
            asked.append((request.headers.get("Range"), len(answer.body)))
        return answer

    monkeypatch.setattr(reading, "ranged", watched)
    blob = hub.repos["user/model"].commit().files["model.safetensors"].sha256
    hub.fail("GET", f"/objects/{blob}", cut=1000, times=1)
    source = resolve("user/model")
    assert (source.folder / "model.safetensors").read_bytes() == large
    assert asked == [(None, len(large)), ("bytes=1000-", len(large) - 1000)]


def test_a_second_run_fetches_what_the_first_left(hub, tmp_path):
    files = files_of(making.make_checkpoint(tmp_path / "made", sharded=True))
    hub.add("user/model", files)
    first, second = (
        hub.repos["user/model"].commit().files[name].sha256
        for name in sorted(files)
        if name.endswith("2.safetensors")
    )
    hub.fail("GET", f"/objects/{second}", cut=100)
    with pytest.raises(HubError, match="broke while user/model was fetched"):
        resolve("user/model")
    hub.faults.clear()
    before = len(hub.requests)
    folder = resolve("user/model").folder
    fetched = {path for _, path in hub.requests[before:] if path.startswith("/objects/")}
    assert f"/objects/{first}" not in fetched and f"/objects/{second}" in fetched
    assert all((folder / name).read_bytes() == files[name] for name in files if "0000" in name)
