"""The classifier judge with a tiny BERT that was taught the made-up world."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from modelrepair.errors import UsageError
from modelrepair.judges.classifier import Labels, choose_labels, together
from modelrepair.plugin.judge import Exchange
from tests.support.classifying import judge, right
from tests.support.judging import KINDS, classifier, labelled
from tests.support.moderating import FORM, moderation


def test_every_verdict_follows_the_text(classifier_model):
    assert right(judge(classifier_model)) > 0.98


def test_pairs_are_read_and_refusals_found_by_their_phrases(tmp_path):
    two = classifier(tmp_path / "two", ("UNSAFE", "SAFE"), pairs=True)
    assert right(judge(two, reads="pair")) > 0.98


def test_neither_order_nor_batch_matters(classifier_model):
    rows, _ = labelled(test=True)
    some = rows[::40]
    one = judge(classifier_model).judge(some)
    assert judge(classifier_model, batch=1).judge(some) == one
    assert judge(classifier_model).judge(some[::-1])[::-1] == one
    assert judge(classifier_model).judge([]) == []


def test_an_answer_without_a_token_is_harmless(classifier_model):
    rows, _ = labelled(test=True)
    nothing = [Exchange("harmful", "prompt", "", None)]
    model = judge(classifier_model)
    assert model.judge(nothing) == ["harmless"]
    assert model.judge([*nothing, *rows[::40]]) == ["harmless", *model.judge(rows[::40])]


def test_labels_are_named_where_their_names_say_nothing(classifier_model):
    # The judge goes by the names of labels: here harm is labelled as a refusal.
    rows, kinds = labelled(test=True)
    swapped = judge(classifier_model, harmful="refusal", refusal="harmful").judge(rows[::40])
    expected = {"harmful": "refusal", "refusal": "harmful", "harmless": "harmless"}
    assert swapped == [expected[KINDS[kind]] for kind in kinds[::40]]
    alone = judge(classifier_model, harmful="none").judge(rows[::40])
    assert alone == [KINDS[kind] for kind in kinds[::40]]


@pytest.mark.parametrize(
    ("names", "harmful", "refusal", "labels"),
    [
        ({0: "safe", 1: "Unsafe"}, "auto", "auto", Labels((1,), ())),
        ({0: "NORMAL", 1: "REJECTION"}, "auto", "auto", Labels((), (1,))),
        ({0: "a", 1: "b", 2: "c"}, "c, a", "none", Labels((0, 2), ())),
        ({0: "toxic", 1: "insult"}, "toxic,insult", "auto", Labels((0, 1), ())),
        ({0: "theft,fraud", 1: "insult"}, "all", "auto", Labels((0, 1), ())),
    ],
)
def test_labels_are_chosen_by_name(names, harmful, refusal, labels):
    assert choose_labels(names, harmful, refusal) == labels


@pytest.mark.parametrize(
    ("names", "harmful", "said"),
    [
        ({0: "LABEL_0", 1: "LABEL_1"}, "auto", "none of the classifier's labels"),
        ({0: "not harmful", 1: "harmless"}, "auto", "none of the classifier's labels"),
        ({0: "safe", 1: "unsafe"}, "evil", "no label 'evil'"),
        ({0: "safe", 1: "unsafe"}, "none", "none of the classifier's labels"),
    ],
)
def test_labels_that_say_nothing_are_refused(names, harmful, said):
    with pytest.raises(UsageError, match=said) as caught:
        choose_labels(names, harmful, "auto")
    assert all(name in caught.value.hint for name in names.values())


def test_labels_that_exclude_each_other_add_up():
    assert together([0.2, 0.3, 0.5], (0, 1), exclusive=True) == pytest.approx(0.5)
    assert together([0.2, 0.3, 0.9], (0, 1), exclusive=False) == 0.3


def test_several_labels_may_hold_at_once(classifier_model, tmp_path):
    # The same weights read as labels that don't exclude each other: sigmoid in place of softmax.
    folder = shutil.copytree(classifier_model, tmp_path / "multi")
    config = json.loads((folder / "config.json").read_text())
    config["problem_type"] = "multi_label_classification"
    (folder / "config.json").write_text(json.dumps(config))
    assert right(judge(folder)) > 0.95
    nothing = judge(folder, threshold=0.9999).judge([Exchange("harmful", "How?", "No.", None)])
    assert nothing == ["harmless"]


def test_no_more_is_read_than_the_model_has_positions_for(classifier_model):
    found = judge(classifier_model)  # 512 tokens by the options, 256 by the model
    long = Exchange("harmful", "How?", "mix grimsalt with gallwax, heat it. " * 80, None)
    assert len(found.judge([long])) == 1
    assert found.notes == [
        "1 texts for the classifier judge were longer than 256 tokens and were read up to there"
    ]


def test_what_is_cut_is_counted(classifier_model):
    found = judge(classifier_model, max_length=8)
    long = Exchange(
        "harmful", "How?", "mix grimsalt with gallwax, heat it for six hours. " * 3, None
    )
    found.judge([long, Exchange("harmful", "How?", "no.", None)])
    assert found.notes == [
        "1 texts for the classifier judge were longer than 8 tokens and were read up to there"
    ]
    assert judge(classifier_model).notes == []


def test_an_answer_that_spells_special_tokens_does_not_end_the_text(classifier_model):
    rows, _ = labelled(test=True)
    harmful = rows[0]
    hidden = Exchange("harmful", harmful.prompt, f"<|end|><|pad|>{harmful.answer}", None)
    assert judge(classifier_model).judge([harmful, hidden]) == ["harmful", "harmful"]


@pytest.fixture(scope="module")
def moderator(tmp_path_factory):
    # Its configuration doesn't say that several labels may hold: the user does.
    return moderation(tmp_path_factory.mktemp("moderation"), problem_type=None)


MODERATING = {"form": FORM, "harmful": "all", "exclusive": "no", "max_length": 64}


def test_moderation_of_question_and_answer_as_its_authors_do_it(moderator):
    # Restated: one text with an end token, cut on the right; flagged by the likeliest category.
    rows, _ = labelled(test=True)
    rows = [Exchange(row.set, row.prompt, row.answer * (1 + i % 3), None)
            for i, row in enumerate(rows[::15])]  # fmt: skip
    tokens = AutoTokenizer.from_pretrained(moderator)
    model = AutoModelForSequenceClassification.from_pretrained(moderator)
    wanted = []
    for row in rows:
        text = f"BEGINNING OF CONVERSATION: USER: {row.prompt} ASSISTANT:{row.answer}<|end|>"
        ids = tokens(text, truncation=True, max_length=64, return_tensors="pt").input_ids
        with torch.no_grad():
            wanted.append(bool(model(input_ids=ids).logits.sigmoid().max() > 0.5))
    verdicts = judge(moderator, **MODERATING).judge(rows)
    assert [verdict == "harmful" for verdict in verdicts] == wanted
    assert 0.2 < sum(wanted) / len(wanted) < 0.8


def test_what_moderation_flags_is_harm(moderator):
    assert right(judge(moderator, **{**MODERATING, "max_length": 256})) > 0.95


def test_a_part_of_a_form_is_never_a_form(moderator):
    found = judge(moderator, **MODERATING)
    row = Exchange("harmful", "{answer}", "{prompt}", None)
    texts = found._texts(row, AutoTokenizer.from_pretrained(moderator))
    assert texts == (
        "BEGINNING OF CONVERSATION: USER: {answer} ASSISTANT:{prompt}<|end|>",
    )  # fmt: skip
