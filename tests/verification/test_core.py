"""What is checked without the source."""

from __future__ import annotations

from tests.support.verifying import codes, edit_manifest, made_fixture, undecided, untouched_fixture  # noqa: F401


def test_without_the_source_what_can_be_checked_is_checked(made):
    assert undecided(made, source=None) == []
    (made.out / "tokenizer.json").write_text("{}")
    edit_manifest(made, lambda m: m["measures"]["after"]["utility"].update(value=0.99))
    assert codes(made, source=None) == ["changed", "card", "measure"]
