"""``modelrepair plugins new``: what is written, and what is refused."""

from __future__ import annotations

import tomllib

import pytest


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_a_package_named_as_asked(call, here):
    made = call("plugins", "new", "my-rule", "--author", "Ada Lovelace <ada@example.org>", "--json")
    assert made.code == 0
    assert made.json["name"] == "my-rule" and made.json["module"] == "my_rule"
    files = {path.relative_to(here / "my-rule").as_posix() for path in here.rglob("*")}
    assert set(made.json["files"]) < files
    project = tomllib.loads((here / "my-rule/pyproject.toml").read_text())["project"]
    assert project["name"] == "my-rule"
    assert project["authors"] == [{"name": "Ada Lovelace", "email": "ada@example.org"}]
    assert project["entry-points"]["modelrepair"] == {"my-rule": "my_rule.plugin"}


def test_the_last_lines_say_what_to_type(call):
    made = call("plugins", "new", "modelrepair-guards", "--kind", "judge", "--out", "with space")
    assert made.code == 0
    assert "Written to with space: " in made.out and "of the judge 'guards'." in made.out
    assert 'Next: pip install -e "with space[test]"' in made.out
    assert 'Check: pytest "with space"' in made.out
    assert "Then: modelrepair plugins check guards" in made.out


@pytest.mark.parametrize(
    ("arguments", "id", "hint"),
    [
        (["wanda"], "plugin-name-taken", "plugins list"),
        (["modelrepair-keyword"], "plugin-name-taken", "plugins list"),
        (["My_Scorer"], "plugin-name", "did you mean 'my-scorer'?"),
        (["--", "../mine"], "plugin-name", "did you mean 'mine'?"),
        (["mine", "--author", "two, authors"], "plugin-author", "Ada Lovelace"),
    ],
)
def test_what_is_refused_leaves_nothing(call, here, arguments, id, hint):
    refused = call("plugins", "new", *arguments)
    assert refused.code == 2
    assert f"Hint [{id}]" in refused.err and hint in refused.err
    assert not list(here.iterdir())


def test_a_folder_with_something_in_it_stays(call, here):
    (here / "mine").mkdir()
    (here / "mine/notes.txt").write_text("kept")
    refused = call("plugins", "new", "mine")
    assert refused.code == 2
    assert "Hint [plugin-folder-exists]" in refused.err
    assert [path.name for path in here.rglob("*")] == ["mine", "notes.txt"]
