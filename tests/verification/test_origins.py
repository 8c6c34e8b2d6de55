"""Where source and reference come from, and what can't be reached."""

from __future__ import annotations

import pytest

from modelrepair import UsageError, push, verify
from modelrepair.cli.main import run
from tests.support.hub.repaired import on_the_hub
from tests.support.small_repairs import make_repair


def test_a_repository_that_was_renamed_or_duplicated_verifies(hub, tmp_path):
    made = on_the_hub(hub, tmp_path)
    target = push(made.out).target
    hub.add("club/their-copy", hub.repos[target].files())
    verification = verify("club/their-copy")
    assert verification.ok
    assert verification.notes == (f"its card names the repository {target}",)


def test_what_cannot_be_reached_is_inconclusive(hub, tmp_path, capsys):
    made = on_the_hub(hub, tmp_path, subject="delta")
    hub.repos.pop("org/base")
    for where in (made.out, push(made.out, private=True).target):
        verification = verify(where)
        assert (verification.exit_code, verification.findings) == (7, ())
        assert [each.code for each in verification.inconclusive] == ["unreachable"]
    assert run(["verify", str(made.out), "--reference", str(made.reference)]) == 0
    hub.repos.pop("user/model")
    capsys.readouterr()
    assert run(["verify", str(made.out), "--json"]) in (0, 7)
    import shutil

    from huggingface_hub.constants import HF_HUB_CACHE

    shutil.rmtree(HF_HUB_CACHE, ignore_errors=True)
    assert run(["verify", str(made.out)]) == 7
    (made.out / "pytorch_model.bin").write_bytes(b"x")
    assert run(["verify", str(made.out)]) == 1


def test_a_source_that_is_a_folder_elsewhere_has_to_be_named(tmp_path):
    from modelrepair.artifact.records import Origin

    made = make_repair(tmp_path, source=Origin(id="mine"))
    with pytest.raises(UsageError, match="the source 'mine' is a folder") as caught:
        verify(made.out)
    assert caught.value.hint == "name a folder that holds it with --source"
    assert verify(made.out, source=made.source).ok
