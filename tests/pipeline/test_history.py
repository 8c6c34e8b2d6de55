"""What is known of a source's past from its files is said before the work, in plan and fix."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from modelrepair import plan
from modelrepair.artifact.manifest import MANIFEST_NAME
from modelrepair.demo import paths
from modelrepair.pipeline.history import has_template, past_of, repaired_before
from modelrepair.source.resolve import resolve
from tests.support.hub.repaired import files_of

KEPT = Path(__file__).parents[1] / "kept" / "repairs" / "weight"


@pytest.fixture
def asked():
    return {"reference": "none", "device": "cpu", "judge": "demo-world", **paths.sets}


@pytest.fixture
def kept(tmp_path):
    return shutil.copytree(KEPT, tmp_path / "mine-repaired")


def test_a_source_that_was_repaired_is_named_with_what_its_record_says(kept):
    record = json.loads((kept / MANIFEST_NAME).read_bytes())
    line = repaired_before(resolve(kept))
    assert line == (
        f"the source was repaired before: by modelrepair {record['tool']['version']} with "
        f"{record['scorer']['name']}, on {record['run']['time'][:10]}, from "
        f"{record['source']['id']}, gate {record['verdict']}; check it with modelrepair verify"
    )
    assert repaired_before(resolve(paths.attacked)) is None


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"schema_version": 99}'])
def test_a_record_that_cannot_be_read_is_named_as_one(kept, text):
    (kept / MANIFEST_NAME).write_text(text, encoding="utf-8")
    assert repaired_before(resolve(kept)).endswith("which can't be read")


def test_plan_says_so_in_its_first_lines(asked, tmp_path):
    source = shutil.copytree(paths.attacked, tmp_path / "again")
    shutil.copytree(KEPT / "repair", source / "repair")
    made = plan(source, out=tmp_path / "out", **asked)
    (line,) = made.opening.past
    assert line.startswith("the source was repaired before: by modelrepair ")
    assert line in made.notes
    assert any(said.startswith("Note") for said in made.opening.lines())
    assert not plan(paths.attacked, out=tmp_path / "out", **asked).opening.past


def test_a_model_without_a_chat_template_may_never_have_been_aligned(tmp_path):
    folder = shutil.copytree(paths.attacked, tmp_path / "base")
    settings = json.loads((folder / "tokenizer_config.json").read_bytes())
    settings.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    source = resolve(folder)
    assert has_template(paths.attacked) and not has_template(folder)
    (line,) = past_of(source, None, reference=False)
    assert line.startswith("the source has no chat template, and no aligned model is known")
    assert past_of(source, None, reference=True) == []
    assert past_of(source, resolve(paths.reference), reference=False) == []


def test_on_the_hub_the_record_alone_is_fetched(hub):
    """Of a source that was repaired before; and it is fetched once."""
    hub.add("me/mine-repaired", files_of(KEPT))
    source = resolve("me/mine-repaired", weights=False)
    hub.requests.clear()
    assert repaired_before(source).startswith("the source was repaired before")
    asked = [path for _, path in hub.requests]
    assert asked and all(path.endswith(MANIFEST_NAME) for path in asked)
    hub.requests.clear()
    assert repaired_before(source).startswith("the source was repaired before")
    assert not [method for method, _ in hub.requests if method == "GET"]
