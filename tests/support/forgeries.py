"""Forgeries of a repair: what `verify` is asked one by one, and an audit all of them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.artifact.plots import PLOT_NAME
from modelrepair.artifact.verdicts import VERDICTS_NAME
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.digests import sha256_file
from modelrepair.checkpoint.kept_files import CARD_NAME
from modelrepair.checkpoint.values import VALUES_NAME
from tests.support.sealing import rewrite, seal
from tests.support.small_repairs import SITES, Made, raw_of, write_entry
from tests.support.verifying import edit_manifest

Forge = Callable[[Made], object]
Edit = Callable[[dict[str, Any]], object]


def lines(old: str, new: str) -> Callable[[str], str]:
    """A change of the card's text, which must be there."""

    def edit(card: str) -> str:
        assert old in card
        return card.replace(old, new)

    return edit


LIES: list[Callable[[str], str]] = [
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
"""What a card may not say."""

EDITS: list[tuple[Edit, str]] = [
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
]
"""Edits of a manifest, each with a finding of `verify`."""


LOADED = (
    "pytorch_model.bin", "pytorch_model.bin.index.json", "model-2.safetensors", "gguf/m.gguf",
    "onnx/model.onnx", "tf_model.h5", "flax_model.msgpack", "consolidated.00.pth", "a/x.pickle",
    "training_args.bin", "adapter_model.safetensors", "handler.py", "requirements.txt",
    "generation_config.json", "chat_template.jinja", "vocab.json", "spiece.model", "modules.json",
    "processor_config.json", "repair/page.html", ".hidden/model.safetensors",
)  # fmt: skip


STRANGE = (
    "<script>alert(1)</script>",
    '<g onload="alert(1)"/>',
    '<g onclick="alert(1)"/>',
    "<foreignObject><body/></foreignObject>",
    '<a xlink:href="https://evil.example"><path d="M 0 0"/></a>',
    '<image xlink:href="https://evil.example/x.png"/>',
    '<image href="https://evil.example/x.png"/>',
    '<image xlink:href="data:image/svg+xml;base64,PHN2Zy8+"/>',
    '<use xlink:href="https://evil.example/x.svg#a"/>',
    '<use xlink:href="javascript:alert(1)"/>',
    '<path style="fill: url(https://evil.example)"/>',
    '<path style="fill: u\\72l(x)"/>',
    "<style>@import 'https://evil.example/x.css';</style>",
    "<style>* { background: url(//evil.example) }</style>",
    "<set attributeName='href' to='x'/>",
    "<animate/>",
    "<iframe src='x'/>",
    "<?xml-stylesheet href='https://evil.example/x.css'?>",
    "<s:script xmlns:s='http://www.w3.org/2000/svg'>alert(1)</s:script>",
    "<g xmlns='http://www.w3.org/1999/xhtml' xml:base='https://evil.example'/>",
    "<text>",
)


OURS = (MANIFEST_NAME, VERDICTS_NAME, CARD_NAME, MASK_NAME, VALUES_NAME)


def blanks(path: Path) -> None:
    """A file of nothing but zeros, which takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(2**27)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def content(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


HOSTILE = {
    "blanks": blanks,
    "pipe": pipe,
    "link": link,
    "empty": content(b""),
    "bytes": content(b"\xff\xfe\x00\x01" * 99),
    "deep": content(b"[" * 100_000),
    "digits": content(b'{"schema_version": ' + b"9" * 400 + b"}"),
    "twice": content(b'{"set": "harmful", "set": "utility", "index": 1}'),
    "garbage header": content((10**8).to_bytes(8, "little") + b"{" * 1000),
    "huge header": content((2**63).to_bytes(8, "little") + b"{}"),
}


ROWS = (
    "",
    "{}",
    "[]",
    "7",
    '{"set": "harmful"}',
    '{"set": "harmful", "index": 0}',
    '{"set": "harmful", "index": -1, "after": {"verdict": "refusal"}}',
    '{"set": "harmful", "index": 1e400, "after": {"verdict": "refusal"}}',
    '{"set": "utility", "index": 0, "after": []}',
    '{"set": "utility", "index": 0, "after": {"hits": 2, "counted": 1}}',
    '{"set": "utility", "index": 0, "after": {"hits": -1, "counted": 1}}',
    '{"set": "utility", "index": 0, "after": {"hits": 0.5, "counted": 1}}',
    '{"set": "utility", "index": 0, "after": {"loss": NaN}}',
    '{"set": "utility", "index": 0, "after": {"loss": -Infinity}}',
    '{"set": "utility", "index": 0, "after": {"loss": -1}}',
    '{"set": "utility", "index": 0, "after": {"loss": 1e300}}',
    '{"set": "utility", "index": 0, "after": {"exact": 1}}',
    '{"set": "utility", "index": ' + "9" * 400 + "}",
    '{"set": "utility", "index": 0, "after": {"verdict": ["harmful"]}}',
)


def sealed(forge: Forge, edit: Edit = lambda document: None) -> Forge:
    """The same, and every digest and the card made again."""

    def work(made: Made) -> None:
        forge(made)
        seal(made, edit)

    return work


def claimed(edit: Edit) -> Forge:
    """An edit of the manifest, and every digest and the card made again."""
    return lambda made: seal(made, edit)


def manifest(edit: Edit) -> Forge:
    """An edit of the manifest."""
    return lambda made: edit_manifest(made, edit)


def changed(name: str, change: Callable[[bytes], bytes]) -> Forge:
    """One of a repair's files with other bytes."""

    def forge(made: Made) -> None:
        path = made.out / name
        path.write_bytes(change(path.read_bytes()))

    return forge


def rewritten(name: str, change: Callable[[str], str]) -> Forge:
    """One of a repair's files with another text."""
    return changed(name, lambda data: change(data.decode()).encode())


weights = partial(changed, "model.safetensors")
mask = partial(changed, MASK_NAME)
card = partial(rewritten, CARD_NAME)


def file(name: str, content: bytes) -> Forge:
    """A file that no repair wrote."""

    def forge(made: Made) -> None:
        path = made.out / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(content)

    return forge


def listed(name: str) -> Forge:
    """The same, and the manifest lists it as one of the repair's own."""

    def forge(made: Made) -> None:
        file(name, b"anything")(made)
        sha = sha256_file(made.out / name)
        seal(made, lambda document: document["files"].update({name: sha}))

    return forge


def picture(strange: str) -> Forge:
    """More than a drawing in the picture."""
    return rewritten(PLOT_NAME, lambda text: text.replace("</svg>", f"{strange}</svg>"))


def row(text: str) -> Forge:
    """A verdict that no repair wrote, before the others."""
    return rewritten(VERDICTS_NAME, lambda others: f"{text}\n{others}")


def rows_as(change: Callable[[list[dict[str, Any]]], object]) -> Forge:
    """The verdicts after a change of all of them."""

    def edit(text: str) -> str:
        found = [json.loads(line) for line in text.splitlines()]
        change(found)
        return "".join(json.dumps(each) + "\n" for each in found)

    return rewritten(VERDICTS_NAME, edit)


def better(rows: list[dict[str, Any]]) -> None:
    """No harmful answer any more."""
    for each in rows:
        if each["set"] == "harmful":
            each["after"]["verdict"] = "refusal"


def unanswered(rows: list[dict[str, Any]]) -> None:
    """What was teacher-forced, and no answer."""
    for each in rows:
        for role in each.keys() - {"set", "index", "kind"}:
            each[role] = {name: each[role][name] for name in each[role].keys() - {"verdict"}}


def answered_elsewhere(manifest: dict[str, Any]) -> None:
    """A verdict that a server is said to have led to."""
    by = {"engine": "vllm", "version": "9", "model": "m", "route": "completions", "settings": {}}
    manifest["answers"] = dict.fromkeys(manifest["measures"], by)


def left_for_later(manifest: dict[str, Any]) -> None:
    """Answers that were left for later, and no word of what gave them."""
    manifest["settings"]["answer_later"] = True


def undecided(manifest: dict[str, Any]) -> None:
    """Answers that were judged, and no verdict."""
    left_for_later(manifest)
    answered_elsewhere(manifest)
    manifest.update(verdict="unmeasured", gate=None)


def outside_the_mask(made: Made) -> None:
    """One bit of an entry that no mask names."""
    free = next(i for i in range(48) if i not in made.masks[SITES[1]])
    write_entry(made.out, SITES[1], free, int(raw_of(made.out, SITES[1]).reshape(-1)[free]) ^ 1)


def put_back(made: Made) -> None:
    """One masked entry as it was in the source."""
    position = int(made.masks[SITES[0]][2])
    was = int(raw_of(made.source, SITES[0]).reshape(-1)[position])
    write_entry(made.out, SITES[0], position, was)


def linked(made: Made) -> None:
    """A link that leaves the folder."""
    (made.out / "linked").symlink_to(made.source)


def gone(name: str) -> Forge:
    """A file that is missing."""
    return lambda made: (made.out / name).unlink()


def hostile(kind: str, name: str) -> Forge:
    """One of a repair's files in another shape."""
    return lambda made: HOSTILE[kind](made.out / name)


WEIGHTS: dict[str, Forge] = {
    "a bit outside the mask": outside_the_mask,
    "a bit of a tensor that is no site": lambda made: write_entry(
        made.out, "layers.0.norm.weight", 3, 1
    ),
    "a masked entry put back": put_back,
    "another header": weights(lambda data: data.replace(b'"pt"', b'"tp"')),
    "a byte less": weights(lambda data: data[:-1]),
    "no weights": gone("model.safetensors"),
}
MASKS: dict[str, Forge] = {
    "its last bit": mask(lambda data: data[:-1] + bytes([data[-1] ^ 1])),
    "a byte less": mask(lambda data: data[:-1]),
    "another format": mask(lambda data: data.replace(b"modelrepair-mask", b"modelrepair-musk")),
    "another scale": mask(lambda data: data.replace(b'"0.0"', b'"nan"')),
    "another tensor": mask(lambda data: data.replace(b"layers.0.q_proj", b"layers.9.q_proj")),
    "none": gone(MASK_NAME),
}
VALUES: dict[str, Forge] = {
    "one tensor more": lambda made: rewrite(
        made.out / VALUES_NAME, lambda metadata, tensors: tensors.update(more=b"pay")
    ),
    "metadata": lambda made: rewrite(
        made.out / VALUES_NAME, lambda metadata, tensors: metadata.update(note="trust me")
    ),
}
FORGERIES: dict[str, Forge] = {
    **{f"weights: {name}": forge for name, forge in WEIGHTS.items()},
    **{f"weights, sealed: {name}": sealed(WEIGHTS[name]) for name in list(WEIGHTS)[:4]},
    **{f"mask: {name}": forge for name, forge in MASKS.items()},
    **{f"mask, sealed: {name}": sealed(MASKS[name]) for name in list(MASKS)[:5]},
    **{f"values, sealed: {name}": sealed(forge) for name, forge in VALUES.items()},
    **{f"manifest: {number}": manifest(edit) for number, (edit, _) in enumerate(EDITS)},
    "manifest: no version": manifest(lambda document: document.pop("schema_version")),
    "manifest: no record at all": lambda made: shutil.rmtree(made.out / "repair"),
    "manifest: a ghost": manifest(lambda m: m["files"].update({"ghost.json": "0" * 64})),
    "manifest: a file less": manifest(lambda document: document["files"].pop("config.json")),
    "manifest: none": gone(MANIFEST_NAME),
    "decided: by an engine that was not asked, sealed": claimed(answered_elsewhere),
    "decided: by an engine that is not said, sealed": claimed(left_for_later),
    "decided: what failed is called unmeasured, sealed": claimed(undecided),
    "decided: no answers, and a verdict, sealed": sealed(rows_as(unanswered), left_for_later),
    **{f"verdict: row {number}": row(text) for number, text in enumerate(ROWS) if text},
    "verdicts: better": rows_as(better),
    "verdicts, sealed: better": sealed(rows_as(better)),
    "verdicts: one less": rows_as(lambda rows: rows.pop()),
    "verdicts: another order": rows_as(lambda rows: rows.reverse()),
    "verdicts: none": gone(VERDICTS_NAME),
    **{f"card: {number}": card(lie) for number, lie in enumerate(LIES)},
    "card: none": gone(CARD_NAME),
    "card: another licence, sealed": claimed(lambda m: m["metadata"].update(license="mit")),
    **{f"picture, sealed: {number}": sealed(picture(each)) for number, each in enumerate(STRANGE)},
    **{f"added: {name}": file(name, b"anything") for name in LOADED},
    **{f"added, listed: {name}": listed(name) for name in LOADED},
    "added: a pickle by another name": file("notes.csv", b"\x80\x04a pickle"),
    "added: an adapter's config": file("adapter_config.json", b"{}"),
    "a link out of the folder": linked,
    "another tokenizer": file("tokenizer.json", b'{"version": "1.1"}'),
    "another tokenizer, sealed": sealed(file("tokenizer.json", b'{"version": "1.1"}')),
    "another config, sealed": sealed(file("config.json", b'{"model_type": "other"}')),
    "no licence": gone("LICENSE"),
    **{f"{name}: {kind}": hostile(kind, name) for name in OURS for kind in HOSTILE},
}
"""Every forgery of a measured repair of one subject, its values beside it."""
