"""How settings are recorded: ids in full, paths by their last name, no secret."""

from __future__ import annotations

import json

from modelrepair.settings.settings import Settings
from modelrepair.settings.short_names import short


def test_no_path_is_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a").mkdir()
    settings = Settings(
        str(tmp_path / "a"),
        reference="~/base",
        realign=str(tmp_path / "b" / "harm.jsonl"),
        scorer=str(tmp_path / "mine.py:Mine"),
        test_utility="../u.jsonl",
        also_template=("/there/other.jinja",),
        judge="guard",
        judge_options={"model": str(tmp_path / "a"), "style": "wildguard"},
    )
    shown = settings.command() + json.dumps(settings.to_json())
    assert str(tmp_path) not in shown
    assert settings.command() == (
        "modelrepair fix a --reference base --realign harm.jsonl --test-utility u.jsonl "
        "--scorer mine.py:Mine --judge guard --judge-option model=a --judge-option style=wildguard "
        "--also-template other.jinja"
    )


def test_an_id_is_a_path_only_where_the_path_exists(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert short("user/model") == "user/model"
    (tmp_path / "user" / "model").mkdir(parents=True)
    assert short("user/model") == "model"
