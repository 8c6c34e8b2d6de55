"""The first lines are made from what was looked at: a repair prints those of its plan."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from modelrepair.cli.main import run
from modelrepair.demo import paths
from modelrepair.errors import UsageError
from modelrepair.pipeline.first_lines import OPEN, opening_of
from modelrepair.preflight.reference import Reference
from modelrepair.preflight.speed import Speed
from modelrepair.preflight.target import There
from modelrepair.source.resolve import Source
from tests.support.openings import REALIGN, opening


def test_why_there_is_no_reference():
    assert opening().no_reference == (
        "the card names no base model; --reference names the aligned one"
    )
    assert opening(reference="none").no_reference == "you asked for none"


def test_fix_begins_with_the_lines_of_plan(capsys, monkeypatch, tmp_path):
    from modelrepair.pipeline import repair as pipeline

    class EnoughError(Exception):
        pass

    def stop(*arguments, **options):
        raise EnoughError

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("modelrepair.pipeline.planning.measured_speed", lambda: Speed(1e10, 1e10))
    monkeypatch.setattr("modelrepair.preflight.plan.free_memory", lambda: 2**33)
    monkeypatch.setattr(pipeline, "with_judge", stop)
    command = [str(paths.attacked), f"--realign={REALIGN}", "--judge=demo-world"]
    assert run(["plan", *command]) == 0
    planned = capsys.readouterr().out.splitlines()
    run(["fix", *command])
    assert capsys.readouterr().err.splitlines()[: len(planned)] == planned
    assert run(["plan", *command, "--json"]) == 0
    fields = json.loads(capsys.readouterr().out)["opening"]
    assert [each["set"] for each in fields["sets"]] == ["realign", "utility", "borderline"]
    assert fields["sets"][1]["licence"] == "apache-2.0"
    assert fields["seconds_least"] <= fields["seconds_most"]
    assert fields["memory_least"] <= fields["memory_most"]


def model(folder, name, licence=None, config='{"model_type": "llama"}'):
    """A model of the Hub by its card and config alone."""
    place = folder / name
    place.mkdir()
    (place / "config.json").write_text(config)
    if licence is not None:
        (place / "README.md").write_text(f"---\nlicense: {licence}\n---\n")
    return Source(f"org/{name}", "c" * 40, place, name)


def made(source, *, base=None, reference=None, target=None, there=None, evaluate=True, **known):
    ahead = SimpleNamespace(
        source=source,
        base=base,
        reference=reference or Reference(),
        past=("it was repaired before",),
        destination=target,
        there=there or There(),
    )
    plan = SimpleNamespace(
        **{
            "error": None,
            "finished": False,
            "source": source.id,
            "kind": SimpleNamespace(name="language model"),
            "parameters": 9,
            "output_bytes": 18,
            "blocks": 2,
            "coverage": 1.0,
            "peak_bytes": 5,
            "generation_bytes": 3,
            "memory_found_bytes": 64,
            "gpus": (),
            "others": (),
            "seconds_least": 1,
            "seconds_most": 2,
            "seconds_grounds": {},
            "ranks": 1,
            "exchanged_bytes": 0,
            "bounds": None,
            **known,
        }
    )
    seen = SimpleNamespace(known={}, whole=True)
    return opening_of(ahead, seen, plan, Path("out"), evaluate=evaluate)


def test_the_terms_are_those_of_the_source_its_base_and_its_reference(tmp_path):
    source, base = model(tmp_path, "mine", "mit"), model(tmp_path, "base", "llama3.1")
    aligned = model(tmp_path, "aligned", "gemma")
    found = made(source, base=base, reference=Reference(aligned, by="user"))
    assert found.licence == "mit"
    assert any("llama3.1" in line for line in found.terms)
    assert any("gemma" in line for line in found.terms)
    assert not any("llama3.1" in line for line in made(source).terms)


@pytest.mark.parametrize(("kind", "asked"), [("new repository", True), ("commit", False)])
def test_a_name_that_the_licence_asks_for_is_asked_for_where_it_is_chosen(tmp_path, kind, asked):
    target = SimpleNamespace(
        kind=kind, id="me/mine", account="me", visibility="private", exists=not asked
    )
    found = made(model(tmp_path, "mine", "llama3.1"), target=target)
    assert any("a name has to begin with 'Llama'" in line for line in found.terms) is asked
    assert (found.target, found.account, found.visibility) == ("me/mine", "me", "private")


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        (Reference(), "the card names no base model; --reference names the aligned one"),
        (Reference(wanted="none", by="user"), "you asked for none"),
        (Reference(why=UsageError("it is gone", hint="take another")), "it is gone; take another"),
    ],
)
def test_why_none_is_said_only_where_there_is_none(tmp_path, reference, why):
    source = model(tmp_path, "mine")
    assert made(source, reference=reference).no_reference == why
    known = made(source, reference=replace(reference, found=source))
    assert (known.no_reference, known.reference) == (None, "org/mine")
    assert known.reference_commit == "c" * 40


def test_memory_is_that_of_one_block_up_to_that_of_the_whole_model(tmp_path):
    source = model(tmp_path, "mine")
    for generation, most in ((3, 5), (50, 50)):
        found = made(source, generation_bytes=generation)
        assert (found.memory_least, found.memory_most) == (5, most)


def test_the_type_is_that_of_the_whole_model_and_may_be_unknown(tmp_path):
    source = model(tmp_path, "mine", config="{}")
    assert made(source).type is None
    assert made(source, base=model(tmp_path, "base")).type == "llama"
    assert made(model(tmp_path, "odd", config='{"model_type": 7}')).type is None


def test_what_only_measuring_shows_is_open_where_it_is_measured(tmp_path):
    source = model(tmp_path, "mine")
    assert made(source).open == OPEN
    assert made(source, evaluate=False).open == ()
