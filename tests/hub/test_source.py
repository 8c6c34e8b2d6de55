"""Repairs of models on the Hub, by their ids, with the real client against a small Hub of ours."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from modelrepair import load_manifest
from modelrepair.cli.main import run
from modelrepair.demo import paths
from tests.support.hub import reading
from tests.support.hub.by_id import QUICK, fix, here, hub  # noqa: F401
from tests.support.hub.client import environment, process
from tests.support.hub.repaired import files_of
from tests.support.hub.server import serve

CARD = b"---\nlicense: apache-2.0\nbase_model: org/aligned\n---\nMine.\n"


def broken(card: bytes = CARD) -> dict[str, bytes]:
    return {**files_of(paths.attacked), "README.md": card, "training_args.bin": b"a pickle"}


@pytest.mark.slow
def test_a_repair_by_ids_in_a_process_of_its_own(here):  # noqa: F811
    with serve() as server:
        user = environment(server, here / "home", token=None)

        def typed(*arguments: str):
            return process(*arguments, folder=here, environment=user)

        server.add("user/broken", {**broken(), "config.json": b"{}"})
        commit = server.add("user/broken", broken())
        aligned = server.add("org/aligned", files_of(paths.reference))
        ended = typed("fix", "user/broken", "--reference=org/aligned", *QUICK)
        assert ended.returncode == 0, ended.stderr
        document = json.loads(ended.stdout)
        assert (document["verdict"], Path(document["out"]).name) == (
            "unmeasured",
            "broken-repaired",
        )

        asked = [path for _, path in server.requests if path == "/api/models/user/broken"]
        others = [path for _, path in server.requests if "user/broken" in path]
        assert len(asked) == 1
        assert all(commit in path for path in others if path != asked[0])
        assert not any("training_args" in path for path in others)

        out = here / "broken-repaired"
        manifest = load_manifest(out)
        assert (manifest.source.id, manifest.source.hub) == ("user/broken", True)
        assert (manifest.source.commit, manifest.reference.commit) == (commit, aligned)
        assert (manifest.subject, manifest.reference.id) == ("delta", "org/aligned")
        assert "modelrepair fix user/broken --reference org/aligned" in manifest.command
        card = (out / "README.md").read_text(encoding="utf-8")
        for said in (manifest.command, commit, aligned, "base_model: user/broken"):
            assert said in card, said
        assert str(here) not in card + (out / "repair" / "manifest.json").read_text()

        by_ids = ["--source=user/broken", "--reference=org/aligned", "--json"]
        checked = typed("verify", str(out), *by_ids)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert json.loads(checked.stdout)["ok"] is True
        changed = broken()["model.safetensors"][:-1] + b"\0"
        server.add("user/broken", {**broken(), "model.safetensors": changed})
        later = typed("verify", str(out), *by_ids)
        assert later.returncode == 0, "the commit that the manifest names, whatever main is now"
        server.add("user/other", {**broken(), "model.safetensors": changed})
        other = [by_ids[0].replace("broken", "other"), *by_ids[1:]]
        wrong = typed("verify", str(out), *other)
        assert wrong.returncode == 1
        codes = [finding["code"] for finding in json.loads(wrong.stdout)["findings"]]
        assert codes == ["wrong-source"]


def test_the_card_s_base_is_the_reference_by_itself(hub, fix):  # noqa: F811
    hub.add("user/broken", broken())
    commit = hub.add("org/aligned", files_of(paths.reference))
    code, document = fix("user/broken")
    assert code == 0
    reference = document["manifest"]["reference"]
    assert (reference["id"], reference["commit"]) == ("org/aligned", commit)
    assert document["manifest"]["subject"] == "delta"


@pytest.mark.quick("missing", "other shapes")
@pytest.mark.parametrize("why", ["missing", "gated", "pickles", "other shapes", "itself"])
def test_a_base_that_can_not_be_used_is_a_warning(hub, fix, why):  # noqa: F811
    aligned = files_of(paths.reference)
    if why == "gated":
        hub.add("org/aligned", aligned, gated=True)
    if why == "pickles":
        hub.add("org/aligned", {"config.json": b"{}", "pytorch_model.bin": b""})
    if why == "other shapes":
        hub.add("org/aligned", {**aligned, "model.safetensors": one_tensor()})
    name = "user/broken"
    hub.add(name, broken(CARD.replace(b"org/aligned", name.encode()) if why == "itself" else CARD))
    code, document = fix(name)
    assert code == 0
    assert document["manifest"]["subject"] == "weight"
    assert document["manifest"]["reference"] is None
    (warning,) = [text for text in document["warnings"] if "base model" in text]
    assert "is not used as reference" in warning


def one_tensor() -> bytes:
    import torch
    from safetensors.torch import save

    return save({"w": torch.zeros(2, 2)})


@pytest.mark.parametrize(
    ("options", "code", "line"),
    [
        (["user/missing"], 3, "there is no model user/missing on the Hub, or it is private"),
        (["user/gated"], 3, "user/gated is gated, and this account has no access"),
        (["user/private"], 3, "there is no model user/private on the Hub, or it is private"),
        (["user/broken", "--revision=v9"], 3, "user/broken has no revision 'v9'"),
        (["user/broken", "--reference=org/none"], 3, "there is no model org/none on the Hub"),
        (
            ["user/pickles"],
            6,
            "user/pickles holds pickles only, such as 'pytorch_model.bin'",
        ),
        (["user/cut"], 6, "'model.safetensors' of user/cut is no whole safetensors file"),
        (["user//broken"], 2, "'user//broken' is neither a folder here nor an id on the Hub"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_what_the_hub_does_not_give(hub, fix, here, options, code, line):  # noqa: F811
    hub.add("user/broken", broken())
    hub.add("user/gated", broken(), gated=True)
    hub.add("user/private", broken(), private=True)
    hub.add("user/pickles", {"config.json": b"{}", "pytorch_model.bin": b"x" * 999})
    hub.add("user/cut", {**broken(), "model.safetensors": broken()["model.safetensors"][:-9]})
    found, document = fix(*options)
    assert (found, document["error"]["exit_code"]) == (code, code)
    assert document["error"]["message"].startswith(line)
    assert document["error"]["hint"]
    assert not list(here.glob("*repaired*"))
    if options == ["user/pickles"]:
        assert [path for _, path in hub.requests] == ["/api/models/user/pickles"]


@pytest.mark.parametrize(
    ("status", "line"),
    [(None, "the Hub can't be reached for user/broken"), (503, "the Hub answers 503"),
     (429, "the Hub asks to wait")],
)  # fmt: skip
def test_no_network_and_a_hub_in_trouble(hub, fix, monkeypatch, status, line):  # noqa: F811
    hub.status = status
    if status is None:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    code, document = fix("user/broken")
    assert code == 3
    assert document["error"]["message"].startswith(line)


@pytest.mark.parametrize(
    ("config", "line"),
    [
        (
            {"quantization_config": {"quant_method": "bitnet"}},
            "the weights of user/broken are quantised (bitnet)",
        ),
        (
            {"auto_map": {"AutoConfig": "mine.C"}, "architectures": ["MyLM"]},
            "the model brings code of its own",
        ),
        ({"is_encoder_decoder": True}, "user/broken is an encoder-decoder"),
        ({"num_attention_heads": 5}, "transformers can't build a causal language model"),
        ({"head_dim": 8}, "model.layers.0.self_attn"),
    ],
)
def test_what_can_not_be_repaired_is_known_before_a_weight_is_fetched(
    hub,  # noqa: F811
    fix,  # noqa: F811
    here,  # noqa: F811
    served,
    config,
    line,
):
    files = broken()
    files["config.json"] = json.dumps(json.loads(files["config.json"]) | config).encode()
    hub.add("user/broken", files)
    code, document = fix("user/broken")
    assert code == 6 and document["error"]["message"].startswith(line)
    assert max(served, default=0) <= 100_001, "the header's range, no more"
    assert {path.name for path in here.iterdir()} <= {"realign.jsonl", "cache"}


@pytest.mark.parametrize(
    ("free", "said"),
    [
        (10**6, "1.8 MB are to be downloaded, and the disk of"),
        (2 * 10**6, r"1\.8 MB are to be downloaded and [\d.]+ MB written on one disk, and the"),
    ],
)
def test_a_cache_without_room_is_known_before_a_weight_is_fetched(
    free,
    said,
    hub,  # noqa: F811
    fix,  # noqa: F811
    served,
    monkeypatch,
):
    hub.add("user/broken", broken())
    monkeypatch.setattr("modelrepair.pipeline.planning.free_disk", lambda path: free)
    code, document = fix("user/broken")
    assert code == 4
    assert re.match(said, document["error"]["message"])
    assert max(served, default=0) <= 100_001


@pytest.fixture
def served(monkeypatch):
    """How many bytes of the store each request was given."""
    sizes = []
    ranged = reading.ranged

    def watched(request, data, headers):
        answer = ranged(request, data, headers)
        if request.method == "GET" and len(data) > 10**6:
            sizes.append(len(answer.body))
        return answer

    monkeypatch.setattr(reading, "ranged", watched)
    return sizes


def test_weights_under_another_name_are_planned_for_and_repaired(hub, fix, capsys):  # noqa: F811
    files = broken()
    files["weights.safetensors"] = files.pop("model.safetensors")
    hub.add("user/broken", files)
    harm = str(paths.sets["realign"])
    assert run(["plan", "user/broken", "--realign", harm, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == 892_544
    code, document = fix("user/broken")
    assert code == 0, document
