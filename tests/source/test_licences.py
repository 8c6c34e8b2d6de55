"""What licences ask of a changed copy: by the Hub's ids, by other names, and by the base."""

from __future__ import annotations

import pytest

from modelrepair.source.licences import name_warning, terms_of, with_base

FORBIDDEN = [
    {"license": "cc-by-nd-4.0"},
    {"license": "cc-by-nc-nd-3.0"},
    {"license": "CC BY-NC-ND 4.0"},
    {"license": "Creative Commons Attribution NoDerivatives 4.0"},
    {"license": ["mit", "cc-by-nc-nd-4.0"]},
    {"license": "other", "license_name": "cc-by-nd-4.0"},
    {"license": "other", "license_link": "https://creativecommons.org/licenses/by-nc-nd/4.0/"},
    {"license_name": "cc_by_nd_4.0"},
]
QUIET = ["mit", "apache-2.0", "Apache License, Version 2.0", "bsd-3-clause", "gpl-3.0", "cc0-1.0"]
NOT_COMMERCIAL = ["cc-by-nc-4.0", "cc-by-nc-sa-4.0", "mrl", "qwen-research", "apple-amlr"]


@pytest.mark.parametrize("card", FORBIDDEN)
def test_a_licence_without_derivatives_forbids_a_public_changed_copy(card):
    terms = terms_of(card)
    assert terms.forbidding is not None
    assert any("changed copies may not be shared" in line for line in terms.warnings)


@pytest.mark.parametrize("id", QUIET)
def test_a_licence_whose_rules_the_card_keeps_says_nothing(id):
    terms = terms_of({"license": id})
    assert terms.warnings == () and terms.forbidding is None and terms.commercial


@pytest.mark.parametrize("id", NOT_COMMERCIAL)
def test_a_licence_for_research_or_for_no_commerce_is_told(id):
    for card in ({"license": id}, {"license": "other", "license_name": id}):
        terms = terms_of(card)
        assert not terms.commercial and terms.forbidding is None
        assert any("commercial" in line for line in terms.warnings)


@pytest.mark.parametrize(
    ("id", "prefix", "phrase", "notice"),
    [
        ("llama2", None, None, "Llama 2 is licensed under the LLAMA 2 Community License"),
        ("llama3", "Llama 3", "Built with Meta Llama 3", "Meta Llama 3 is licensed under the"),
        ("llama3.1", "Llama", "Built with Llama", "Llama 3.1 is licensed under the Llama 3.1"),
        ("llama3.2", "Llama", "Built with Llama", "Llama 3.2 is licensed under the Llama 3.2"),
        ("llama3.3", "Llama", "Built with Llama", "Llama 3.3 is licensed under the Llama 3.3"),
        ("llama4", "Llama", "Built with Llama", "Llama 4 is licensed under the Llama 4"),
        ("Llama 3.1 Community License Agreement", "Llama", "Built with Llama", "Llama 3.1 is"),
        ("gemma", None, None, "Gemma is provided under and subject to the Gemma Terms of Use"),
        ("qwen", None, "Built with Qwen", "Qwen is licensed under the Qwen LICENSE AGREEMENT"),
    ],
)
def test_rules_for_names_and_notices_are_the_licences_own(id, prefix, phrase, notice):
    (licence,) = terms_of({"license": id}).licences
    assert (licence.prefix, licence.phrase) == (prefix, phrase)
    assert licence.notice is not None and licence.notice.startswith(notice)
    assert licence.notice in terms_of({"license": id}).warnings[0]


def test_what_lies_beside_the_model_is_not_asked_for_again():
    asks = terms_of({"license": "gemma"}, ["LICENSE", "NOTICE.txt"]).licences[0].asks
    assert not any("Notice" in each for each in asks)
    (licence,) = terms_of({"license": "llama3.1"}, ["LICENSE", "Notice"]).licences
    assert licence.asks == ("the name of a changed copy has to begin with 'Llama'",)
    assert licence.kept == ("a copy of the licence has to go with the model: LICENSE",)


@pytest.mark.parametrize("given", [{}, {"license": None}, {"license": "unknown"}, {"license": ""}])
def test_no_licence_is_told(given):
    (line,) = terms_of(given).warnings
    assert line.startswith("no licence: its card names none, so all rights are reserved")
    (line,) = terms_of(given, ["LICENSE.md"]).warnings
    assert "read LICENSE.md" in line


def test_another_licence_shows_its_name_and_its_link():
    card = {"license": "other", "license_name": "my-own", "license_link": "https://me.example/l"}
    (line,) = terms_of(card).warnings
    assert line.startswith("licence my-own: ") and line.endswith("see https://me.example/l")
    (line,) = terms_of({"license": "grok2-community"}).warnings
    assert "read it before you publish" in line


def test_a_strangers_words_for_a_licence_stay_one_short_line():
    (line,) = terms_of({"license": "other", "license_name": "a\n\x1b[31mb" + "x" * 900}).warnings
    assert line.isprintable() and len(line) < 400


def test_the_licence_of_the_base_holds_too():
    own, base = terms_of({}), terms_of({"license": "cc-by-nd-4.0"})
    both = with_base(own, "org/base", both_base := base)
    assert both.forbidding is not None and both.forbidding.of == "org/base"
    assert "of its base org/base" in both.shown
    same = with_base(both_base, "org/base", base)
    assert same == both_base
    assert with_base(own, "org/base", terms_of({})) == own


@pytest.mark.parametrize(
    ("id", "target", "fits"),
    [
        ("llama3.1", "me/model-repaired", "me/Llama-model-repaired"),
        ("llama3.1", "me/Meta-Llama-3.1-8B-repaired", "me/Llama-3.1-8B-repaired"),
        ("llama3", "me/llama-2-repaired", "me/Llama-3-llama-2-repaired"),
        ("llama3", "me/Llama3-mine", None),
        ("llama3.2", "me/llama-mine", None),
        ("gemma", "me/mine", None),
    ],
)
def test_a_name_that_breaks_the_rule_comes_with_one_that_keeps_it(id, target, fits):
    line = name_warning(terms_of({"license": id}), target)
    assert (line is None) == (fits is None)
    if fits is not None and line is not None:
        assert line.endswith(f"--to {fits}")
        assert name_warning(terms_of({"license": id}), fits) is None
