from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from modelrepair.artifact.card import render_card
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.reading import load_manifest, read_manifest
from modelrepair.artifact.verdicts import VERDICTS_NAME
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.bits import masked_values
from modelrepair.checkpoint.digests import sha256_file
from modelrepair.checkpoint.kept_files import card_text
from modelrepair.checkpoint.values import VALUES_NAME
from modelrepair.errors import InconclusiveError, UnsupportedModelError
from modelrepair.verification.masked_values import STORED
from modelrepair.verification.rebuild import apply
from modelrepair.verification.verify import verify
from tests.support.small_repairs import (
    SITES,
    Made,
    make_checkpoint,
    make_repair,
    raw_of,
    write_entry,
)


def check(made: Made, **more):
    return verify(made.out, **{"source": made.source, "reference": made.reference, **more})


def codes(made: Made, **more) -> list[str]:
    return [finding.code for finding in check(made, **more).findings]


def undecided(made: Made, **more) -> list[str]:
    verification = check(made, **more)
    assert verification.findings == () and verification.exit_code == (
        7 if verification.inconclusive else 0
    )
    return [finding.code for finding in verification.inconclusive]


def seal(made: Made) -> None:
    """Write the card anew for the manifest as it is: what a forger would do."""
    reading = read_manifest(made.out)
    if reading.manifest is not None:
        card = render_card(reading.manifest, card_text(made.source), digest=reading.digest)
        (made.out / "README.md").write_text(card)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory) -> Made:
    return make_repair(tmp_path_factory.mktemp("untouched"))


@pytest.fixture
def made(untouched, tmp_path) -> Made:
    return replace(untouched, out=Path(shutil.copytree(untouched.out, tmp_path / "out")))


@pytest.mark.quick(
    "0.0-weight-BF16-False", "0.0-delta-F32-True", "0.75-weight-F32-True", "0.75-delta-BF16-False"
)
@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("dtype", ["BF16", "F32"])
@pytest.mark.parametrize("subject", ["weight", "delta"])
@pytest.mark.parametrize("scale", [0.0, 0.75])
def test_what_is_written_verifies_and_can_be_rebuilt(tmp_path, sharded, dtype, subject, scale):
    made = make_repair(tmp_path, dtype=dtype, sharded=sharded, subject=subject, scale=scale)
    verification = check(made)
    assert verification.findings == () and verification.ok
    assert verification.checked["masked"] == sum(map(len, made.masks.values()))
    assert verification.checked["examples"] == 1200
    for name, positions in made.masks.items():
        old, new = raw_of(made.source, name).reshape(-1), raw_of(made.out, name).reshape(-1)
        aligned = made.reference and raw_of(made.reference, name).reshape(-1)[positions]
        expected = masked_values(old[positions], dtype, aligned, dtype, scale)
        assert np.array_equal(new[positions], expected)
        old[positions] = expected
        assert np.array_equal(old, new)
    rebuilt = apply(made.out / MASK_NAME, made.source, reference=made.reference, out=tmp_path / "r")
    for path in rebuilt.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (made.out / path.relative_to(rebuilt)).read_bytes()


def test_dtypes_of_source_and_reference_may_differ(tmp_path):
    made = make_repair(tmp_path, subject="delta", scale=0.75, reference_dtype="F32")
    assert check(made).findings == ()


def test_one_bit_outside_the_mask(made):
    name = SITES[1]
    free = next(i for i in range(48) if i not in made.masks[name])
    write_entry(made.out, name, free, int(raw_of(made.out, name).reshape(-1)[free]) ^ 1)
    findings = check(made).findings
    assert [finding.code for finding in findings] == ["outside-mask", "changed"]
    assert findings[0].tensor == name
    assert findings[0].message == f"1 entries outside the mask differ, first {free}"


def test_one_bit_in_a_tensor_that_is_no_site(made):
    write_entry(made.out, "layers.0.norm.weight", 3, 1)
    assert codes(made) == ["outside-mask", "changed"]


def test_one_masked_entry_put_back(made):
    name = SITES[0]
    position = int(made.masks[name][2])
    write_entry(made.out, name, position, int(raw_of(made.source, name).reshape(-1)[position]))
    finding = check(made).findings[0]
    assert (finding.code, finding.tensor) == ("masked-value", name)
    assert finding.message.endswith(f"first {position}")


def test_header_bytes_and_length(made):
    path = made.out / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"pt"', b'"tp"'))
    assert codes(made) == ["changed", "changed"]
    path.write_bytes(content[:-1])
    findings = check(made).findings
    assert [finding.code for finding in findings] == ["changed"]
    assert "bytes" in findings[0].message


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


def edit_manifest(made: Made, edit) -> None:
    path = made.out / MANIFEST_NAME
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda m: m["measures"]["after"]["harmful_score"].update(value=0.001), "measure"),
        (lambda m: m["measures"]["after"]["utility"].update(n=7), "measure"),
        (lambda m: m["measures"].pop("before"), "measure"),
        (lambda m: m["measures"]["after"].update(judge="another"), "measure"),
        (lambda m: m["sites"][0].update(masked=1), "count"),
        (lambda m: m["sites"][0].update(norm_removed=0.001), "count"),
        (lambda m: m["sites"][0].update(norm_removed=None), "count"),
        (lambda m: m["sites"][0].update(shape=[8, 6]), "count"),
        (lambda m: m["sites"].pop(0), "count"),
        (lambda m: m["sites"].append(m["sites"][0]), "count"),
        (lambda m: m.update(masked_share=0.5), "count"),
        (lambda m: m["gate"]["rules"][0].update(measured=0.5), "gate"),
        (lambda m: m["settings"].update(budgets={"no_such": 1}), "gate"),
        (lambda m: m["settings"]["budgets"].update(harm_ratio=0.0), "gate"),
        (lambda m: m["settings"].update(budgets=3), "gate"),
        (lambda m: m["settings"]["budgets"].update(harm_ratio="x"), "gate"),
        (lambda m: m.update(scale=0.75), "mask"),
        (lambda m: m["settings"].update(examples=999), "card"),
        (lambda m: m["source"]["files"].update({"model.safetensors": "0" * 64}), "wrong-source"),
    ],
)
def test_an_edited_manifest(made, edit, code):
    edit_manifest(made, edit)
    found = codes(made)
    assert code in found
    assert "card" in found


def test_a_manifest_that_is_no_manifest(made):
    edit_manifest(made, lambda m: m.pop("schema_version"))
    assert codes(made) == ["manifest"]
    (made.out / MANIFEST_NAME).write_text("{")
    assert codes(made) == ["manifest"]
    (made.out / MANIFEST_NAME).unlink()
    assert codes(made) == ["manifest"]


def test_a_verdict_that_is_better_than_the_examples(tmp_path):
    from tests.support.small_repairs import results

    measured = {"before": results(200), "after": results(180)}
    made = make_repair(tmp_path, measured=measured)
    assert made.manifest.verdict == "failed" and codes(made) == []
    edit_manifest(made, lambda m: m.update(verdict="passed"))
    assert codes(made) == ["card", "gate"]


def test_claims_without_measurements(tmp_path):
    made = make_repair(tmp_path, measured={})
    assert codes(made) == []
    edit_manifest(made, lambda m: m.update(verdict="passed"))
    assert codes(made) == ["card", "gate"]


def test_verdicts_that_are_damaged_or_incomplete(made):
    path = made.out / VERDICTS_NAME
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[1:]))
    assert set(codes(made)) == {"changed", "measure", "gate"}
    for damage in ("{", '{"set": "harmful", "index": "x"}', '{"set": "x", "index": 1}', "[]"):
        path.write_text(damage)
        assert codes(made) == ["changed", "verdicts"]
    for damage in ({"x": {}}, {"after": {"verdict": "good"}}, {"after": {"hits": "1"}}):
        path.write_text(json.dumps({"set": "harmful", "index": 1, **damage}))
        assert codes(made) == ["changed", "verdicts"]
    path.write_bytes(b"\xff")
    assert codes(made) == ["changed", "verdicts"]
    path.write_text("\n".join([*lines, lines[0]]))
    assert codes(made)[0] == "changed"
    path.unlink()
    assert codes(made) == ["missing", "verdicts"]


def test_another_source_is_said_in_one_line(made, tmp_path):
    other = make_checkpoint(tmp_path / "other", seed=7)
    verification = check(made, source=other)
    assert [finding.code for finding in verification.findings] == ["wrong-source"]
    assert "user/model at 0123" in verification.findings[0].line
    (other / "config.json").write_text("{}")
    assert "1 more files" in check(made, source=other).findings[0].message
    (other / "config.json").unlink()
    assert "no such file, expected sha256" in check(made, source=other).findings[-1].message
    with pytest.raises(UnsupportedModelError):
        check(made, source=tmp_path / "nowhere")


def test_another_reference_is_said_in_one_line(tmp_path):
    made = make_repair(tmp_path, subject="delta")
    other = make_checkpoint(tmp_path / "other", seed=7)
    findings = check(made, reference=other).findings
    assert [finding.code for finding in findings] == ["wrong-reference"]
    assert "org/base" in findings[0].line
    (other / "model.safetensors").unlink()
    from tests.support.small_repairs import write_safetensors

    write_safetensors(other / "model.safetensors", {"x": np.zeros(1, np.uint16)}, "BF16")
    assert "no such tensor" in check(made, reference=other).findings[0].message
    assert undecided(made, reference=None) == ["no-reference"]


def test_stored_values_stand_in_for_a_private_reference(tmp_path):
    made = make_repair(tmp_path, subject="delta", scale=0.75, store_values=True)
    assert codes(made) == []
    verification = check(made, reference=None)
    assert [each.message for each in verification.inconclusive] == [STORED]
    assert (verification.exit_code, verification.findings) == (7, ())
    name = SITES[0]
    write_entry(made.out, name, int(made.masks[name][0]), 7)
    assert codes(made, reference=None) == ["masked-value", "changed", "values"]


def test_stored_values_of_another_repair(tmp_path):
    made = make_repair(tmp_path / "a", store_values=True)
    other = make_repair(tmp_path / "b", scale=0.5, store_values=True)
    (made.out / VALUES_NAME).write_bytes((other.out / VALUES_NAME).read_bytes())
    assert set(codes(made)) == {"changed", "values"}
    (made.out / VALUES_NAME).write_bytes(b"")
    assert codes(made) == ["changed", "mask"]


def test_damaged_and_foreign_masks(made, tmp_path):
    path = made.out / MASK_NAME
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert codes(made) == ["changed", "mask"]
    path.write_bytes(content[:-1])
    assert codes(made) == ["changed", "mask"]
    for old, new in (
        (b"modelrepair-mask", b"modelrepair-musk"),
        (b'"0.0"', b'"nan"'),
        (b'"scale"', b'"scole"'),
        (b"layers.0.q_proj", b"layers.9.q_proj"),
    ):
        path.write_bytes(content.replace(old, new))
        assert codes(made) == ["changed", "mask"]
    other = make_repair(tmp_path / "other", scale=0.75)
    path.write_bytes((other.out / MASK_NAME).read_bytes())
    found = codes(made)
    assert found[0] == "changed" and {"mask", "masked-value"} <= set(found)
    path.unlink()
    assert codes(made) == ["missing", "mask"]


def test_findings_as_lines_and_json(made):
    (made.out / "README.md").unlink()
    verification = check(made)
    (finding,) = verification.findings
    assert finding.line == "MR-VER-009 missing: README.md: is not in the repaired model"
    document = verification.to_json()
    assert document["ok"] is False
    assert document["findings"][0]["id"] == "MR-VER-009"
    assert (document["source"]["id"], document["verdict"]) == ("user/model", "passed")
    assert (
        "gate: passed; harmful answers to harmful prompts 66.7 % → 1.3 % (n = 300)"
        in (document["summary"])
    )


@pytest.mark.parametrize(
    ("edit", "unknown"),
    [
        (lambda m: m.update(unknown=1), "'unknown'"),
        (lambda m: m["sites"][0].update(more="x"), "'sites.0.more'"),
        (lambda m: m.update(schema_version=2), "schema_version 2"),
        (lambda m: m.update(verdict="splendid"), "'verdict'"),
        (lambda m: m.update(edit="rotation"), "'edit'"),
        (lambda m: m.update(subject="gate"), "'subject'"),
        (lambda m: m.update(scope="model"), "'scope'"),
        (lambda m: m.update(rules=2), "rules 2"),
        (lambda m: m.update(card=2), "card 2"),
        (lambda m: m["measures"].update(between=m["measures"]["after"]), "'measures.between'"),
    ],
)
def test_what_is_newer_is_no_forgery_and_makes_none_pass(made, edit, unknown):
    edit_manifest(made, edit)
    edit_manifest(made, lambda m: m.update(needs="3.1"))
    if unknown != "card 2":
        seal(made)
    assert undecided(made) == ["newer"]
    (finding,) = check(made).inconclusive
    assert unknown in finding.message and "needs modelrepair ≥ 3.1" in finding.message
    assert undecided(made, source=None) == ["newer"]
    with pytest.raises(InconclusiveError, match=r"needs modelrepair ≥ 3\.1"):
        load_manifest(made.out)
    name = SITES[1]
    free = next(i for i in range(48) if i not in made.masks[name])
    write_entry(made.out, name, free, 7)
    assert {"outside-mask", "changed"} & set(codes(made))
    assert check(made).exit_code == 1
    sha = sha256_file(made.out / "model.safetensors")
    edit_manifest(made, lambda m: m["files"].update({"model.safetensors": sha}))
    if unknown not in ("card 2", "schema_version 2", "'edit'"):
        seal(made)
        assert "outside-mask" in codes(made)


def test_a_mask_of_a_later_version(made):
    path = made.out / MASK_NAME
    path.write_bytes(path.read_bytes().replace(b'"version":"1"', b'"version":"2"'))
    sha = sha256_file(path)
    edit_manifest(made, lambda m: m["files"].update({MASK_NAME: sha}))
    seal(made)
    assert undecided(made) == ["newer"]


def test_sentences_may_be_worded_better_and_numbers_may_not(made):
    def reword(m):
        m["gate"]["reasons"] = ["said in other words"]
        for rule in m["gate"]["rules"]:
            rule["note"] = "said in other words"

    edit_manifest(made, reword)
    seal(made)
    assert check(made).ok
    edit_manifest(made, lambda m: m["gate"]["rules"][0].update(measured=0.001))
    seal(made)
    assert codes(made) == ["gate"]


def test_without_the_source_what_can_be_checked_is_checked(made):
    assert undecided(made, source=None) == []
    (made.out / "tokenizer.json").write_text("{}")
    edit_manifest(made, lambda m: m["measures"]["after"]["utility"].update(value=0.99))
    assert codes(made, source=None) == ["changed", "card", "measure"]


def lines(old: str, new: str):
    def edit(card: str) -> str:
        assert old in card
        return card.replace(old, new)

    return edit


LIES = [
    lines("# user/model, repaired", "# A safe model"),
    lines("The gate's verdict: **passed**", "The gate's verdict: **splendid**"),
    lines("| harmful answers to harmful prompts (keyword rate) | 66.7", "| harmful answers to "
          "harmful prompts (keyword rate) | 96.7"),
    lines("1.3 % (0.5 to 3.4; n = 300)", "0.0 % (0.0 to 0.1; n = 300)"),
    lines("value: 0.013333", "value: 0.0"),
    lines("base_model: user/model", "base_model: org/aligned"),
    lines("base_model: user/model\n", ""),
    lines("license: llama2", "license: mit"),
    lines("extra_gated_prompt: Say please.", "extra_gated_prompt: Come in."),
    lines("- modelrepair\n", ""),
    lines("license: llama2", "license: llama2\nlicense: mit"),
    lines("library_name: transformers", "library_name: &a transformers\nother: *a"),
    lines("## Limits", "<script>alert(1)</script>\n\n## Limits"),
    lines("## Limits", "## No limits"),
    lines("sha256 `", "sha256 `0"),
    lines("hf download THIS_REPOSITORY", "hf download THIS_REPOSITORY; rm -rf ~"),
    lines("hf download user/model --revision", "hf download evil/model --revision"),
    lines("modelrepair:end -->", "modelrepair:end -->\n<!-- modelrepair:begin v1 -->"),
    lines("<!-- modelrepair:begin v1 -->", "<!-- modelrepair:begin v1 -->\nSafe.\n"
          "<!-- modelrepair:end -->\n<!-- modelrepair:begin v1 -->"),
    lines("<!-- modelrepair:begin v1 -->", "<!-- MODELREPAIR:begin v1 -->"),
    lambda card: "nothing",
    lambda card: "",
]  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_card_that_lies(made, lie):
    path = made.out / "README.md"
    path.write_text(lie(path.read_text()))
    assert set(codes(made)) == {"card"}


def test_what_its_owner_may_do_with_a_card(made):
    path = made.out / "README.md"
    card = path.read_text().replace("THIS_REPOSITORY", "me/mine")
    card = card.replace("- modelrepair\n", "- modelrepair\n- mine\n")
    card = card.replace("license: llama2", "license: llama2\nco2_eq_emissions: 3\ninference: true")
    path.write_text(card.partition("# My model")[0] + "Thanks to the kittens.\n")
    name = card.partition("model-index:")[2].partition("name: ")[2].partition("\n")[0]
    card = path.read_text().replace(f"name: {name}\n", "name: mine\n", 1)
    path.write_bytes(card.replace("\n", "\r\n").encode())
    assert check(made).findings == ()
    assert check(made, repository="me/mine").ok
    renamed = check(made, repository="me/other")
    assert renamed.ok and renamed.notes == ("its card names the repository me/mine",)


@pytest.mark.parametrize(
    "lie",
    [
        lambda card: card.replace("me/mine", "me/--mine"),
        lambda card: card.replace("me/mine", "https://evil.example/me/mine"),
        lambda card: card.replace("me/mine", "evil/mine\nhf download me/mine", 1),
        lambda card: card.replace("name: mine", "name: other"),
        lambda card: card.replace("hf download user/model", "hf download me/mine"),
        lambda card: card.replace("## Limits", "## No limits"),
    ],
)
def test_another_name_excuses_no_other_change(made, lie):
    reading = read_manifest(made.out)
    card = render_card(
        made.manifest, card_text(made.source), target="me/mine", digest=reading.digest
    )
    (made.out / "README.md").write_text(card)
    assert check(made, repository="me/renamed").ok
    assert lie(card) != card
    (made.out / "README.md").write_text(lie(card))
    assert set(codes(made, repository="me/renamed")) == {"card"}


def test_a_front_matter_that_does_not_keep_the_source_s(made):
    edit_manifest(made, lambda m: m["metadata"].update(license="mit"))
    seal(made)
    assert codes(made) == ["card"]


def test_a_failed_repair_says_so_first(tmp_path):
    from tests.support.small_repairs import results

    made = make_repair(tmp_path, measured={"before": results(200), "after": results(180)})
    path = made.out / "README.md"
    first = path.read_text().partition("begin v1 -->\n")[2].partition("\n")[0]
    assert first.startswith("**The gate failed") and check(made).ok
    assert "gate: failed" in check(made).about.summary
    path.write_text(path.read_text().replace(first, ""))
    assert codes(made) == ["card"]


def test_it_runs_without_torch(made):
    code = (
        "import sys; from modelrepair.verification.verify import verify; "
        f"assert verify({str(made.out)!r}, source={str(made.source)!r}).ok; "
        "assert not {'torch', 'transformers', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


LOADED = (
    "pytorch_model.bin", "pytorch_model.bin.index.json", "model-2.safetensors", "gguf/m.gguf",
    "onnx/model.onnx", "tf_model.h5", "flax_model.msgpack", "consolidated.00.pth", "a/x.pickle",
    "training_args.bin", "adapter_model.safetensors", "handler.py", "requirements.txt",
    "generation_config.json", "chat_template.jinja", "vocab.json", "spiece.model", "modules.json",
    "processor_config.json", "repair/page.html", ".hidden/model.safetensors",
)  # fmt: skip


@pytest.mark.parametrize("name", LOADED)
def test_what_a_program_would_load_is_found_whatever_the_manifest_says(made, name):
    path = made.out / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(b"anything")
    assert codes(made) == ["added"]
    sha = sha256_file(path)
    edit_manifest(made, lambda m: m["left_behind"].update({name: "a pickle"}))
    seal(made)
    assert codes(made) == ["added"]
    edit_manifest(made, lambda m: m["files"].update({name: sha}))
    seal(made)
    assert codes(made) == ["added"]


@pytest.mark.parametrize("name", ["notes.csv", "cat.png", "train.log", "notes/more.md", "x.docx"])
def test_what_no_program_loads_is_noted(made, name):
    path = made.out / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(b"PK anything")
    verification = check(made)
    assert verification.ok and name in verification.notes[0]
    path.write_bytes(b"\x80\x04a pickle")
    assert codes(made) == ["added"]


def test_what_stands_in_the_source_may_stay_but_no_weights(tmp_path):
    made = make_repair(tmp_path)
    for name, code in (("modeling_mine.py", None), ("pytorch_model.bin", "added")):
        for folder in (made.source, made.out):
            (folder / name).write_text("as it was")
        assert codes(made) == ([code] if code else [])
    (made.out / "pytorch_model.bin").unlink()
    (made.out / "modeling_mine.py").write_text("other code")
    assert codes(made) == ["added"]


def test_line_ends_that_git_changed_are_told_as_that(made):
    for name in ("config.json", "LICENSE", VERDICTS_NAME, MANIFEST_NAME, "README.md"):
        path = made.out / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n") if name != "LICENSE"
                         else path.read_bytes())  # fmt: skip
    findings = check(made).findings
    assert [(each.code, each.file) for each in findings] == [("line-ends", VERDICTS_NAME)]
    assert "core.autocrlf" in findings[0].line
