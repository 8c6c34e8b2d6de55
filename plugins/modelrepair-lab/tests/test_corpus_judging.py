"""The judge of the corpus: made-up audits against the known answers, and what they come to."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrepair import Audit
from modelrepair.auditing.checks import RULES
from modelrepair.auditing.difference.difference import Difference, TensorChange
from modelrepair_lab.corpus import judging
from modelrepair_lab.corpus.figures import auroc, confusion, separation
from modelrepair_lab.corpus.judging import Judged, judge, judged_by, removed_share
from modelrepair_lab.corpus.page import as_csv, page
from modelrepair_lab.corpus.plan import Corpus, Entry


def audit(*found: str, inconclusive: tuple[str, ...] = (), readings: tuple[str, ...] = ()) -> Audit:
    findings = [RULES[id].found("made up") for id in found]
    findings += [RULES[id].inconclusive("made up") for id in inconclusive]
    tensors = tuple(TensorChange(str(n), 0, "o_proj", (2, 2), each)
                    for n, each in enumerate(readings))  # fmt: skip
    difference = Difference(tensors) if readings else None
    return Audit("model", findings=tuple(findings), difference=difference)


def judged(kind: str, *found: str, **more) -> Judged:
    return judged_by(Entry("tune", 11, kind, 0), audit(*found, **more))


def test_a_right_audit_is_right():
    found = judged("ablated-mean", "MR-DIF-002", "MR-LIN-004")
    assert (found.reading, found.right, found.alarms) == ("direction removed", True, ())


def test_an_untrue_warning_is_an_alarm_and_a_note_is_none():
    found = judged("copy", "MR-DIF-001", "MR-DIF-002", "MR-LIN-002")
    assert (found.reading, found.right) == ("direction removed", False)
    assert found.alarms == ("MR-DIF-002",)
    assert judged("copy", "MR-DIF-001", "MR-TOK-003").alarms == ("MR-TOK-003",)


def test_a_false_alarm_is_what_is_untrue():
    assert judged("copy", "MR-DIF-001", "MR-TOK-003").false_alarm
    assert judged("benign-lora", "MR-DIF-004").false_alarm
    assert not judged("benign-lora", "MR-DIF-003", "MR-LIN-004").false_alarm


def test_what_samples_say_counts_where_the_whole_difference_decides_nothing():
    found = judged("benign-full", "MR-LIN-002", inconclusive=("MR-DIF-004",))
    assert (found.reading, found.right) == ("trained", True)


def test_the_mark_of_the_lab_decides_nothing():
    found = judged("harmful-full", "MR-ORI-004", "MR-LIC-001", "MR-DIF-004")
    assert (found.reading, found.alarms, found.found) == ("trained", (), ("MR-DIF-004",))


def test_what_could_not_be_decided_is_not_right():
    found = judged("pruned", inconclusive=("MR-DIF-006",))
    assert (found.reading, found.right, found.inconclusive) == ("nothing", False, ("MR-DIF-006",))


def test_the_score_is_a_share_of_what_changed():
    one = audit(readings=("removed", "dense", "dense", "removed", "equal", "vector", "converted"))
    assert removed_share(one) == 0.5
    assert removed_share(audit(readings=("equal",))) == 0


def test_a_model_that_can_not_be_opened_is_an_error(tmp_path):
    notes: list[str] = []
    progress = SimpleNamespace(note=notes.append)
    (found,) = judge(Corpus(tmp_path), [Entry("tune", 1, "copy", 0)], progress)
    assert (found.reading, found.right) == ("error", False)
    assert "copy-1-0" in notes[0]


def test_what_is_called_something_else_is_named(tmp_path, monkeypatch):
    notes: list[str] = []
    monkeypatch.setattr(judging.modelrepair, "audit", lambda *_, **__: audit("MR-DIF-004"))
    entries = [Entry("tune", 1, "copy", 0), Entry("tune", 1, "benign-full", 0)]
    found = list(judge(Corpus(tmp_path), entries, SimpleNamespace(note=notes.append)))
    assert [each.right for each in found] == [False, True]
    assert notes == ["copy-1-0: called trained"]


ALL = [
    replace(judged("ablated-mean", "MR-DIF-002", readings=("removed",)), name="a"),
    replace(judged("ablated-soft", "MR-DIF-003", readings=("removed", "low-rank")), name="b"),
    replace(judged("harmful-full", "MR-DIF-004", readings=("dense",)), name="c"),
    replace(judged("benign-full", "MR-DIF-002", readings=("dense",)), name="d"),
    replace(judged("copy", "MR-DIF-001", readings=("equal",)), name="e"),
]


def test_the_page_names_what_went_wrong():
    text = page(ALL, "held-out")
    assert "5 models of 5 kinds, 5 of the lab's worlds (seeds 11)" in text
    assert "| called what they are, all kinds | 0.600 [0.231, 0.882], 5 |" in text
    assert "| false alarms on clean and benign ones | 0.500 [0.095, 0.905], 2 |" in text
    assert "| AUROC, ablated against fine-tuned | 1.000 [" in text
    assert "| balanced accuracy | 0.500 | .89 |" in text
    assert "| b | direction removed | low rank |  |" in text
    assert "| d | trained | direction removed | MR-DIF-002 |" in text
    assert "Not measured" in text and "answers of all" in page(ALL, "tune", "", "answers of all")
    assert (
        "| `copy` | benign | the aligned model as it is: other files, other dtype | shards 3;"
        in text
    )
    assert "None." in page(ALL[:1], "tune")


def test_the_page_shows_models_of_another_base_apart():
    other = replace(ALL[4], name="f", world=1)
    text = page([*ALL, other], "held-out", "SmolLM2")
    assert "5 of the lab's worlds (seeds 11) and 1 of SmolLM2 (prompts of seed 1)" in text
    assert "| share, 95 % interval, n | all | the lab's worlds | SmolLM2 |" in text
    assert "| called what they are, all kinds | 0.667 [0.300, 0.903], 6 | 0.600" in text
    assert "| AUROC, ablated against fine-tuned |" in text and ", 4 | – |" in text
    assert page([other], "held-out", "SmolLM2").count("the lab's worlds") == 0


def test_the_rows():
    rows = list(csv.DictReader(io.StringIO(as_csv(ALL))))
    assert [row["called"] for row in rows] == [each.reading for each in ALL]
    assert rows[1]["score"] == "0.5"


def test_the_confusion_counts_every_model():
    table = confusion(ALL)
    assert sum(sum(row.values()) for row in table.values()) == len(ALL)
    assert table["benign-full"] == {"direction removed": 1}
    apart = separation(ALL)
    assert (apart["found among the ablated"].mean, apart["found among the fine-tuned"].mean) == (
        0.5,
        0.5,
    )


SCORES = st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0]), min_size=1, max_size=20)


@given(SCORES, SCORES)
def test_laws_of_auroc(positive, negative):
    one, other = auroc(positive, negative), auroc(negative, positive)
    assert one.mean + other.mean == pytest.approx(1)
    assert 0 <= one.low <= one.mean <= one.high <= 1
    assert one.low == pytest.approx(1 - other.high, abs=1e-6)
    assert one.high - one.low > 0


def test_the_published_interval_of_auroc():
    # As far as it can be worked out by hand: no pair the wrong way round, 50 of each.
    found = auroc([1.0] * 50, [0.0] * 50)
    assert (found.mean, found.high) == (1.0, 1.0)
    theta = found.low
    spread = 1 + 49 * ((1 - theta) / (2 - theta) + theta / (1 + theta))
    assert (1 - theta) == pytest.approx(1.96 * (theta * (1 - theta) * spread / 2500) ** 0.5, 1e-3)


def test_auroc_needs_both():
    with pytest.raises(ValueError, match="both"):
        auroc([], [1.0])
