"""What becomes of each file at a destination."""

from __future__ import annotations

import shlex

import pytest

from modelrepair.errors import HubError, UsageError
from modelrepair.publishing.destination import Destination
from modelrepair.publishing.there import Earlier, State, check_there, may_write, sort_there
from modelrepair.source.repository_files import Remote

SOURCE = "user/model"


def small(content: str) -> tuple[str, bool]:
    return (content, False)


def place(kind: str = "new repository", *, keeps: bool = False) -> Destination:
    return Destination("me/m", kind, "me", "main", True, False, None, keeps)


def state(*names: str, source: dict | None = None, **more) -> State:
    return State(Remote("c", {name: small(name) for name in names}), source=source or {}, **more)


def ours(*names: str, same: bool = True) -> Earlier:
    return Earlier(SOURCE, "c0", "2026-11-20T10:00:00+00:00", frozenset(names), same)


def said(there) -> dict[str, str | None]:
    return {each.file: each.verify for each in there.kept}


def test_what_an_earlier_repair_did_not_write_stays():
    lies = ("x-Q4_K_M.gguf", "evals/mine.json", "cat.png", "run.py", "repair/notes.txt",
            "model.safetensors", "old.safetensors", ".gitattributes", "README.md")  # fmt: skip
    earlier = ours("model.safetensors", "old.safetensors")
    there = sort_there(state(*lies, earlier=earlier), {"model.safetensors": True}, place())
    assert (there.replaced, there.deleted) == (("model.safetensors",), ("old.safetensors",))
    assert there.repair_of == "2026-11-20T10:00:00+00:00"
    fails = {name: why is not None for name, why in said(there).items()}
    assert fails == {
        "x-Q4_K_M.gguf": True, "evals/mine.json": False, "cat.png": False, "run.py": True,
        "repair/notes.txt": True,
    }  # fmt: skip
    lines = there.lines("me/m")
    assert "replaces the repair of 2026-11-20 in me/m" in lines
    assert any("'x-Q4_K_M.gguf': verify will fail" in line for line in lines)
    assert "will be deleted in me/m: old.safetensors" in lines


def test_a_file_of_the_source_beside_is_noted_as_verify_does():
    lies = state("run.py", "x.gguf", source={"run.py": small("run.py"), "x.gguf": small("x.gguf")})
    there = sort_there(lies, {}, place())
    assert said(there)["run.py"] is None and said(there)["x.gguf"] is not None


@pytest.mark.parametrize(
    ("name", "writes"),
    [
        ("config.json", {"config.json": True}),
        ("Config.JSON", {"config.json": True}),
        ("README.MD", {"README.md": True}),
        ("repair", {"repair/manifest.json": True}),
        ("config.json/x", {"config.json": True}),
        ("adapter_config.json", {"config.json": True}),
        ("pytorch_lora.safetensors", {"model.safetensors": True}),
        ("model [1].safetensors", {"model.safetensors": True}),
    ],
)
def test_what_is_in_the_way_stops_a_push_unless_it_may_be_deleted(name, writes):
    lies = state(name)
    there = sort_there(lies, writes, place())
    assert there.in_the_way == (name,)
    with pytest.raises(UsageError, match="which no repair of user/model wrote") as caught:
        check_there(there, lies, writes, place(), SOURCE)
    assert "--to" in caught.value.hint
    option, named = shlex.split(caught.value.hint.partition(": ")[2])
    assert option == "--delete"
    freed = sort_there(lies, writes, place(), delete=[named])
    check_there(freed, lies, writes, place(), SOURCE, [named])
    assert freed.in_the_way == () and (name in freed.replaced) == (name in writes)
    assert (name in freed.deleted) == (name not in writes)


def test_the_same_bytes_do_not_block():
    there = sort_there(state("LICENSE"), {"LICENSE": False}, place(), delete=["*"])
    assert (there.in_the_way, there.replaced, there.deleted) == ((), (), ())


def test_a_repair_of_another_model_is_named():
    lies = state("a", "b", "c", "d", earlier=ours("a", "b", "c", "d", same=False))
    writes = dict.fromkeys("abcd", True)
    there = sort_there(lies, writes, place())
    with pytest.raises(UsageError, match="me/m holds a repair of user/model") as caught:
        check_there(there, lies, writes, place(), "org/other")
    assert '--delete "*"' in caught.value.hint


def test_in_place_only_the_source_s_own_weights_go_as_they_were_then():
    then = {name: small(name) for name in ("pytorch_model.bin", "old.pkl", "notes.csv")}
    lies = state("pytorch_model.bin", "old.pkl", "notes.csv", "new.gguf", source=then)
    there = sort_there(lies, {}, place("in place"))
    assert there.deleted == ("old.pkl", "pytorch_model.bin")
    assert said(there).keys() == {"notes.csv", "new.gguf"}
    assert sort_there(lies, {}, place("in place", keeps=True)).deleted == ()
    changed = state("old.pkl", source={"old.pkl": small("as it was")})
    there = sort_there(changed, {}, place("pull request"))
    with pytest.raises(HubError, match=r"old\.pkl of me/m was changed since this repair"):
        check_there(there, changed, {}, place("pull request"), SOURCE)


def test_a_manifest_can_claim_no_file_that_a_repair_never_writes():
    claims = ("x.gguf", "a.pkl", "run.py", "token.txt", "evals/mine.json", ".env", "a.zip")
    assert not any(map(may_write, claims))
    assert may_write("evals/mine.json", ["evals/*"]) and not may_write("x.gguf", ["*"])
