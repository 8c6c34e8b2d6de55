"""Our card where the owner of a repository wrote one: their text and keys stay."""

from __future__ import annotations

import pytest
import yaml

from modelrepair.artifact.card import BEGIN, END
from modelrepair.artifact.owners import with_owners_text
from modelrepair.source.front_matter import read_front_matter
from modelrepair.verification.card import _metadata

FRONT = (
    "---\nbase_model: user/model\nlicense: mit\ntags:\n- modelrepair\n- scorer:wanda\n"
    "model-index:\n- name: m\n  value: 0.041\n---\n"
)
CARD = f"{FRONT}\n{BEGIN}\nnew\n{END}\n\n# The source's\n"


def earlier(before: str = "", after: str = "", front: str = FRONT) -> str:
    return f"{front}\n{before}{BEGIN}\nold\n{END}\n\n# The source's\n{after}"


def test_an_untouched_card_gives_way_byte_for_byte():
    assert with_owners_text(CARD, earlier()) == CARD
    assert with_owners_text(CARD, CARD) == CARD
    assert with_owners_text(CARD, "") == CARD


def test_text_around_our_block_stays_where_it_is():
    there = earlier("# Read me first\n\n", "\nAsk **me** at /home/me/desk.\n")
    card = with_owners_text(CARD, there)
    assert card == there.replace("old", "new")
    assert with_owners_text(CARD, card) == card


def test_a_card_without_our_marks_stays_below():
    card = with_owners_text(CARD, "---\nlicense: other\n---\n# Mine\n\nHello.\n")
    assert card == f"{CARD}\n# Mine\n\nHello.\n"
    assert with_owners_text(CARD, card) == card


@pytest.mark.parametrize(
    "marks", [f"{BEGIN}\n", f"{END}\n", f"{BEGIN}\na\n{END}\n{BEGIN}\nb\n{END}\n"]
)
def test_stray_marks_go_and_the_text_stays(marks):
    card = with_owners_text(CARD, f"Above.\n{marks}Below.\n")
    assert card.count("modelrepair:") == 2
    assert "Above." in card and "Below." in card and "new" in card


def test_keys_that_are_not_ours_stay_as_they_are_written():
    more = (
        "widget:\n- text: Hi  # a note\nco2_eq_emissions: 1.50\ndate: 2026-01-02\nthumbnail: no\n"
    )
    front = FRONT.replace("---\nbase", f"---\n{more}base").replace("mit", "other")
    card = with_owners_text(CARD, earlier(front=front))
    assert more in card
    found = yaml.safe_load(card.split("---\n")[1])
    assert (found["license"], found["model-index"][0]["value"]) == ("mit", 0.041)
    assert with_owners_text(CARD, card) == card


def test_tags_of_the_owner_stay_and_ours_are_those_of_this_repair():
    front = FRONT.replace("- scorer:wanda\n", "- scorer:contrast\n- mine\n- 'a: b'\n")
    card = with_owners_text(CARD, earlier(front=front))
    assert read_front_matter(card)["tags"] == ["modelrepair", "scorer:wanda", "mine", "a: b"]
    assert with_owners_text(CARD, card) == card


@pytest.mark.parametrize(
    "front",
    [
        "---\nthumbnail: [\nlicense: mit\n---\n",
        "---\n? a\n: b\n---\n",
        "---\na: &x 1\nb: *x\n---\n",
        "---\n'quoted': 1\nmine: 2\n---\n",
        "---\nmine: 1\nmine: 2\n---\n",
        "---\n- a list\n---\n",
    ],
)
def test_whatever_yaml_lies_there_ours_can_be_read(front):
    card = with_owners_text(CARD, f"{front}Text.\n")
    found = yaml.safe_load(card.split("---\n")[1])
    assert found["base_model"] == "user/model" and found["license"] == "mit"
    assert _metadata(card) is not None, "as verify reads it"
    assert "Text." in card
    assert with_owners_text(CARD, card) == card


def test_line_ends_and_a_byte_order_mark_are_no_change():
    assert with_owners_text(CARD, "\ufeff" + CARD.replace("\n", "\r\n")) == CARD


def test_an_old_quote_of_the_source_gives_way_and_the_owner_s_text_does_not():
    there = earlier(after="\nMine.\n").replace("# The source's", "# As it was")
    card = with_owners_text(CARD, there, "---\nlicense: mit\n---\n# As it was\n")
    assert "As it was" not in card
    assert card == CARD + "\nMine.\n"
