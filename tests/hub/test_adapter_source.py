"""Adapters on the Hub, by their ids, with the real client against a small Hub of ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelrepair import load_manifest, plan
from modelrepair.demo import paths
from tests.support.hub.by_id import fix, here, hub  # noqa: F401
from tests.support.hub.repaired import files_of

CARD = b"---\nlicense: apache-2.0\nlibrary_name: peft\n---\nMine.\n"


def adapter(base: str | None, **more: bytes) -> dict[str, bytes]:
    """The demo's adapter as its author would have uploaded it."""
    config = json.loads((paths.adapter / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = base
    found = {"adapter_config.json": json.dumps(config).encode(), "README.md": CARD, **more}
    return {**files_of(paths.adapter), "training_args.bin": b"a pickle", **found}


def test_the_base_is_the_id_that_the_config_names(hub, fix):  # noqa: F811
    commit = hub.add("user/adapter", adapter("org/aligned"))
    based = hub.add("org/aligned", files_of(paths.reference))
    code, document = fix("user/adapter")
    assert code == 0, document
    manifest = document["manifest"]
    assert (manifest["subject"], manifest["source"]["commit"]) == ("factor", commit)
    assert (manifest["base"]["id"], manifest["base"]["commit"]) == ("org/aligned", based)
    assert manifest["base"]["hub"] and not manifest["rewritten"]
    assert "modelrepair fix user/adapter --realign" in manifest["command"]
    card = (Path(document["out"]) / "README.md").read_text(encoding="utf-8")
    for said in ("base_model: org/aligned", "base_model_relation: adapter", "library_name: peft"):
        assert said in card
    assert not any("training_args" in path for _, path in hub.requests)


def test_the_revision_of_the_base_is_the_config_s(hub, fix):  # noqa: F811
    hub.add("user/adapter", adapter("org/aligned"))
    first = hub.add("org/aligned", files_of(paths.reference))
    config = json.loads(adapter("org/aligned")["adapter_config.json"])
    pinned = json.dumps({**config, "revision": first}).encode()
    hub.add("user/adapter", adapter("org/aligned", **{"adapter_config.json": pinned}))
    hub.add("org/aligned", {**files_of(paths.reference), "notes.txt": b"later"})
    code, document = fix("user/adapter")
    assert code == 0 and document["manifest"]["base"]["commit"] == first


def test_a_merge_by_ids_is_rebuilt_at_the_commits_that_it_names(hub, fix, tmp_path):  # noqa: F811
    from modelrepair import apply, verify

    commit = hub.add("user/adapter", adapter("org/aligned"))
    hub.add("org/aligned", files_of(paths.reference))
    code, document = fix("user/adapter", "--merge")
    assert code == 0, document
    out = Path(document["out"])
    manifest = load_manifest(out)
    assert manifest.subject == "delta"
    assert (manifest.adapter.id, manifest.adapter.commit) == ("user/adapter", commit)
    assert manifest.source.files.keys() >= {"model.safetensors", "config.json"}
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "base_model: org/aligned" in card and "library_name: transformers" in card
    # All of them go on.
    hub.add("user/adapter", {**adapter("org/aligned"), "adapter_config.json": b"{}"})
    hub.add("org/aligned", files_of(paths.attacked))
    mask = tmp_path / "alone.safetensors"
    mask.write_bytes((out / "repair" / "mask.safetensors").read_bytes())
    origins = {"base": "org/aligned", "reference": "org/aligned"}
    for place, name in ((out, "one"), (mask, "two")):
        rebuilt = apply(place, "user/adapter", **origins, out=tmp_path / name)
        weights = (rebuilt / "model.safetensors").read_bytes()
        assert weights == (out / "model.safetensors").read_bytes()
    assert verify(out, source="user/adapter", **origins).ok


def test_a_local_path_in_the_config_becomes_the_base_s_id(hub, fix):  # noqa: F811
    hub.add("user/adapter", adapter("/home/someone/base"))
    hub.add("org/aligned", files_of(paths.reference))
    code, document = fix("user/adapter")
    assert code == 2 and "local path" in document["error"]["message"]
    code, document = fix("user/adapter", "--base", "org/aligned")
    assert code == 0, document
    out = Path(document["out"])
    config = json.loads((out / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "org/aligned"
    assert list(document["manifest"]["rewritten"]) == ["adapter_config.json"]
    everything = (out / "README.md").read_text() + (out / "repair/manifest.json").read_text()
    assert "/home/someone" not in everything
    from modelrepair import verify

    assert verify(out, source="user/adapter", base="org/aligned").ok


def test_a_plan_reads_headers_alone(hub):  # noqa: F811
    hub.add("user/adapter", adapter("org/aligned"))
    hub.add("org/aligned", files_of(paths.reference))
    made = plan("user/adapter")
    assert (made.blocks, made.coverage) == (4, 1.0)
    assert made.block_parameters == 157_696
    whole = [path for method, path in hub.requests if path.endswith(".safetensors")]
    assert whole, "headers come from the weight files"
    assert plan("user/adapter", merge=True).coverage == 1.0


@pytest.mark.parametrize("extra", ["model.safetensors", "model.safetensors.index.json"])
def test_a_repository_with_a_whole_model_too_is_refused_before_a_download(hub, fix, extra):  # noqa: F811
    hub.add("user/adapter", adapter("org/aligned", **{extra: b"{}"}))
    code, document = fix("user/adapter")
    assert code == 6 and "a whole model" in document["error"]["message"]
    assert not any("/resolve/" in path for _, path in hub.requests)
