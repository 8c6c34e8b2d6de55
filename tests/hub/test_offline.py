"""What is in the cache is enough with the Hub switched off, by the client's own switch."""

from __future__ import annotations

import json

import pytest

from modelrepair.demo import paths
from tests.support.hub.client import environment, process
from tests.support.hub.repaired import files_of
from tests.support.hub.server import serve
from tests.support.hub.sharded import QUICK, fill, here_fixture, sharded  # noqa: F401

HOLD = [word for word in QUICK if word not in ("--push", "--force")]
BY_IDS = ["--source=user/broken", "--reference=org/aligned", "--json"]


@pytest.mark.slow
def test_fix_verify_and_measure_from_the_cache(here):
    with serve() as hub:
        commit = fill(hub)
        user = environment(hub, here.parent, token=hub.token)

        def asked(*arguments: str, code: int = 0, **more: str) -> dict:
            ended = process(*arguments, folder=here, environment={**user, **more})
            assert ended.returncode == code, ended.stdout + ended.stderr
            return json.loads(ended.stdout)

        off = {"HF_HUB_OFFLINE": "1"}
        error = asked("fix", "user/broken", *HOLD, code=3, **off)["error"]
        assert "the cache does not hold it whole" in error["message"]
        assert asked("fix", "user/broken", *QUICK)["pushed"]["target"] == "me/broken-repaired"
        assert asked("verify", "me/broken-repaired", *BY_IDS)["ok"] is True

        # The source has a new commit, and the cache learns of it.
        config = json.loads((paths.attacked / "config.json").read_bytes()) | {"newer": True}
        changed = {"config.json": json.dumps(config).encode()}
        hub.add("user/broken", {**sharded(paths.attacked), **changed})
        newer = asked("plan", "user/broken", "--realign=realign.jsonl", "--out=other", "--json")
        assert newer["commit"] != commit
        seen = len(hub.requests)
        assert asked("verify", "me/broken-repaired", *BY_IDS, **off)["ok"] is True
        assert asked("verify", "broken-repaired", *BY_IDS, **off)["ok"] is True
        at = f"--revision={commit}"
        again = asked("fix", "user/broken", at, *HOLD, "--out=again", **off)["manifest"]
        assert (again["source"]["commit"], again["subject"]) == (commit, "delta")
        one, two = files_of(here / "broken-repaired"), files_of(here / "again")
        mask = "repair/mask.safetensors"
        assert one[mask] == two[mask]
        measuring = ["--realign=realign.jsonl", "--realign-limit=8", "--judge=demo-world", "--json"]
        measured = asked("measure", "user/broken", at, *measuring, **off)["measures"]
        assert measured["harmful_score"]["n"] == 8
        assert len(hub.requests) == seen, "no request was made"
