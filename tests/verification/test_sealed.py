"""Forgeries whose forger computed every digest again, so that all of them agree."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from modelrepair.artifact.plots import PLOT_NAME
from modelrepair.artifact.verdicts import VERDICTS_NAME
from modelrepair.artifact.writer import MASK_NAME
from modelrepair.checkpoint.values import VALUES_NAME
from modelrepair.verification.pictures import more_than_a_drawing
from tests.kept.make import MODELS, REPAIRS
from tests.support.sealing import codes, made_fixture, rewrite, seal, untouched_fixture  # noqa: F401
from tests.support.small_repairs import make_repair


def test_the_sealer_makes_no_finding_of_an_honest_repair(made):
    assert codes(made) == set()
    seal(made)
    assert codes(made) == set()


SOURCE = ("source", "source_commit", "source_files", "files", "scale", "subject")


@pytest.mark.parametrize("key", SOURCE)
@pytest.mark.parametrize("value", [None, "x", "{}"])
def test_a_mask_header_that_names_another_source(made, key, value):
    def change(metadata, tensors):
        metadata.pop(key)
        if value is not None:
            metadata[key] = value

    rewrite(made.out / MASK_NAME, change)
    seal(made)
    assert "mask" in codes(made)


def test_one_tensor_more_in_the_values(made):
    rewrite(made.out / VALUES_NAME, lambda metadata, tensors: tensors.update(more=b"pay"))
    seal(made)
    assert codes(made) == {"values"}


def test_metadata_in_the_values(made):
    rewrite(made.out / VALUES_NAME, lambda metadata, tensors: metadata.update(note="trust me"))
    seal(made)
    assert codes(made) == {"values"}


def drop_measures(document):
    document.update(measures={}, gate=None, verdict="unmeasured")


def unlist(document):
    drop_measures(document)
    del document["files"][VERDICTS_NAME]


def drop_before(document):
    document["measures"].pop("before")
    document["gate"] = None


def degenerate(document):
    return document["search"][0]["measures"]["degenerate_by_set"]["harmful"]


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda m: m["base"].update(files={}), "record"),
        (lambda m: m["source"].update(files={}), "wrong-source"),
        (lambda m: m.update(reference_tensors={"x": "0" * 64}), "record"),
        (lambda m: m.update(gate=None), "gate"),
        (drop_measures, "measure"),
        (unlist, "measure"),
        (unlist, "added"),
        (drop_before, "gate"),
        (lambda m: m.update(coverage=1.5), "record"),
        (lambda m: m.update(coverage=-1), "record"),
        (lambda m: m.update(protect=7), "record"),
        (lambda m: m.update(scale=0.5), "mask"),
        (lambda m: m["sites"][0].update(entries=10**9), "record"),
        (lambda m: m["sites"][0].update(digest="0" * 64), "record"),
        (lambda m: m["sites"][0].update(tokens={"realign": {"0": -1}}), "record"),
        (lambda m: m["sets"]["realign"].update(cut=-1), "record"),
        (lambda m: m["sets"]["realign"]["counts"].update(report=299), "measure"),
        (lambda m: m["search"][0].update(share=2.0), "record"),
        (lambda m: m.update(ratio=-0.1), "record"),
        (lambda m: m.update(token_budget=-1), "record"),
        (lambda m: m.update(sets={}), "record"),
        (lambda m: m["scorer"].update(api=0), "record"),
        (lambda m: m["sites"][0].update(block=-1), "record"),
        (lambda m: m["left_behind_kinds"].update(hidden=-1), "record"),
        (lambda m: degenerate(m).update(low=0.9), "record"),
        (lambda m: m["search"][0]["measures"]["utility"].update(value=1.5), "record"),
        (lambda m: m["search"][0]["measures"].update(judge="another"), "record"),
    ],
)
def test_a_manifest_that_contradicts_itself(made, edit, code):
    seal(made, edit)
    assert code in codes(made)


def test_reference_digests_left_out(tmp_path):
    made = make_repair(tmp_path, subject="delta")
    name = next(iter(made.manifest.reference_tensors))

    def change(metadata, tensors):
        digests = json.loads(metadata["reference_tensors"])
        del digests[name]
        metadata["reference_tensors"] = json.dumps(digests, sort_keys=True, separators=(",", ":"))

    rewrite(made.out / MASK_NAME, change)
    seal(made, lambda document: document["reference_tensors"].pop(name))
    assert codes(made) == {"record"}
    seal(made, lambda document: document.update(reference_tensors={}))
    assert {"record", "mask"} <= codes(made)


@pytest.mark.parametrize("name", [MASK_NAME, VALUES_NAME])
def test_a_mask_beside_a_dense_edit(tmp_path, untouched, name):
    out = Path(shutil.copytree(REPAIRS / "dense", tmp_path / "out"))
    made = replace(untouched, source=MODELS / "small", reference=None, out=out)
    seal(made)
    assert codes(made) == set()
    shutil.copy(untouched.out / name, out / name)
    assert codes(made) == {"added"}
    seal(made, lambda document: document["files"].update({name: "0" * 64}))
    seal(made)
    assert codes(made) == {"added"}


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


@pytest.mark.parametrize("strange", STRANGE)
def test_a_picture_that_holds_more_than_a_drawing(untouched, strange):
    picture = (untouched.out / PLOT_NAME).read_text()
    assert more_than_a_drawing(picture.encode()) is None
    forged = picture.replace("</svg>", f"{strange}</svg>").encode()
    assert more_than_a_drawing(forged) is not None


def test_a_script_in_a_sealed_picture(made):
    path = made.out / PLOT_NAME
    path.write_text(path.read_text().replace("</svg>", "<script>alert(1)</script></svg>"))
    seal(made)
    assert codes(made) == {"picture"}
