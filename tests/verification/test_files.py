"""Files added, missing or changed beside the manifest's digests."""

from __future__ import annotations

from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.verdicts import VERDICTS_NAME
from tests.support.verifying import check, codes, edit_manifest, made_fixture, untouched_fixture  # noqa: F401


def test_a_missing_weight_file(made):
    (made.out / "model.safetensors").unlink()
    assert codes(made) == ["missing"]


def test_files_added_missing_and_changed(made):
    (made.out / ".gitattributes").write_text("the Hub adds it")
    (made.out / ".cache" / "huggingface").mkdir(parents=True)
    (made.out / ".cache" / "huggingface" / "x.metadata").write_text("")
    (made.out / ".git" / "objects").mkdir(parents=True)
    (made.out / ".git" / "objects" / "pack.bin").write_text("git's")
    (made.out / ".DS_Store").write_text("a Mac's")
    (made.out / "additional_chat_templates" / "Thumbs.db").write_text("Windows'")
    assert check(made).notes == () and codes(made) == []
    (made.out / "quantize_config.json").write_text("{}")
    (made.out / "tokenizer.json").write_text('{"version": "1.1"}')
    (made.out / "LICENSE").unlink()
    (made.out / "linked").symlink_to(made.source)
    findings = check(made).findings
    assert [(finding.code, finding.file) for finding in findings] == [
        ("added", "linked"),
        ("added", "quantize_config.json"),
        ("missing", "LICENSE"),
        ("changed", "tokenizer.json"),
    ]


def test_a_link_to_nothing_is_no_file(made):
    (made.out / "tokenizer.json").unlink()
    (made.out / "tokenizer.json").symlink_to("nowhere")
    assert codes(made) == ["missing"]


def test_a_file_that_only_the_manifest_knows(made):
    edit_manifest(made, lambda m: m["files"].update({"ghost.json": "0" * 64}))
    assert codes(made) == ["missing", "card"]
    (made.out / "ghost.json").write_text("")
    assert codes(made) == ["card"] and "ghost.json" in check(made).notes[0]
    edit_manifest(made, lambda m: (m["files"].pop("ghost.json"), m["files"].pop("config.json")))
    (made.out / "ghost.json").unlink()
    assert codes(made) == ["manifest", "card"]


def test_line_ends_that_git_changed_are_told_as_that(made):
    for name in ("config.json", "LICENSE", VERDICTS_NAME, MANIFEST_NAME, "README.md"):
        path = made.out / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n") if name != "LICENSE"
                         else path.read_bytes())  # fmt: skip
    findings = check(made).findings
    assert [(each.code, each.file) for each in findings] == [("line-ends", VERDICTS_NAME)]
    assert "core.autocrlf" in findings[0].line
