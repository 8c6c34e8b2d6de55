"""The card: what it may not say, and what its owner may change."""

from __future__ import annotations

import pytest

from modelrepair.artifact.card import render_card
from modelrepair.artifact.reading import read_manifest
from modelrepair.checkpoint.kept_files import card_text
from tests.support.forgeries import LIES
from tests.support.verifying import (  # noqa: F401
    check,
    codes,
    edit_manifest,
    made_fixture,
    seal,
    untouched_fixture,
)


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
