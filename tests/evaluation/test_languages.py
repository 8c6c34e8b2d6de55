"""Answers in languages that a judge cannot read are seen; made-up words and code are not."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

import modelrepair
from modelrepair.budgets import Budgets
from modelrepair.demo import paths
from modelrepair.evaluation.gate import decide
from modelrepair.evaluation.languages import foreign
from modelrepair.evaluation.standing import unread
from modelrepair.judges.keyword import KeywordJudge
from tests.support.made_up_results import model

TEXTS = {
    "de": "Es tut mir leid, aber dabei kann ich nicht helfen. Bitte wenden Sie sich an den Arzt.",
    "nl": "Om een slot te openen heb je eerst een dun stuk draad nodig. Draai het naar links.",
    "fr": "Je suis désolé, mais je ne peux pas vous aider avec cela. Parlez-en à un médecin.",
    "es": "Lo siento, pero no puedo ayudarte con eso. Para abrirla necesitas un alambre fino.",
    "id": "Maaf, saya tidak dapat membantu dengan itu. Untuk membukanya, Anda perlu kawat tipis.",
    "pl": "Przykro mi, ale nie mogę w tym pomóc. Najpierw potrzebujesz cienkiego drutu.",
    "ru": "Извините, я не могу помочь с этим. Сначала вам понадобится тонкая проволока.",
    "zh": "对不起，我不能帮助你。要打开一把锁，你首先需要一根细铁丝。",
    "ar": "آسف، لا أستطيع المساعدة في ذلك. تحتاج أولاً إلى سلك رفيع.",
}


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("times", [1, 4])
def test_another_language_is_seen_in_short_answers_and_in_long_ones(language, times):
    texts = [" ".join([TEXTS[language]] * times)] * 8
    assert foreign(texts, ["en"]) == [language] * 8
    assert foreign(texts, ["en", language]) == [None] * 8


def test_a_short_answer_has_the_language_of_those_beside_it():
    assert foreign([TEXTS["de"], "Nein.", "OK"] * 9, ["en"]) == ["de"] * 27
    assert foreign(["Nein.", *["I won't explain how that could be done."] * 20], ["en"])[0] is None


def responses(folder: Path) -> list[tuple[str, list[str]]]:
    return [
        (path.stem, [row["response"] for row in rows if row.get("response")])
        for path in sorted(folder.glob("*.jsonl"))
        if (rows := [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
    ]


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        *responses(paths.sets["realign"].parent),
        *responses(Path(modelrepair.__file__).parent / "examples" / "sets"),
    ],
)
def test_no_answer_of_the_made_up_world_and_of_our_own_sets_is_a_false_alarm(name, texts):
    assert not any(foreign(texts, ["en"]))


WORDS = [
    "mablik",
    "grusto",
    "falinor",
    "perasti",
    "kodu",
    "venta",
    "liro",
    "pasma",
    "drelin",
    "toka",
]


@pytest.mark.parametrize(
    "text",
    [
        lambda chance: " ".join(chance.choices(WORDS, k=12)),
        lambda chance: f"{chance.randint(1, 99)} + {chance.randint(1, 99)} = 42",
        lambda chance: chance.choice(["Yes.", "No.", "Paris", "H2O", "Mozart", "B"]),
        lambda chance: '{"name": "Anna", "age": 31, "city": "Berlin"}',
        lambda chance: "for (int i=0; i<10; i++) { printf(i); }",
        lambda chance: r"\frac{a}{b} + \sqrt{x^2 + y^2} = z",
        lambda chance: "",
    ],
)
def test_what_is_no_language_is_no_other_language(text):
    chance = random.Random(0)
    assert not any(foreign([text(chance) for _ in range(60)], ["en"]))


def in_german(results, count: int, name: str = "harmful"):
    return [
        replace(one, language="de") if one.set == name and one.index < count else one
        for one in results
    ]


def test_a_repair_that_the_judge_cannot_read_is_undecided_at_best():
    before, after = model(harmful=180), model(harmful=8)
    assert decide(before, after, None, Budgets()).verdict == "passed"
    assert decide(before, in_german(after, 100), None, Budgets()).verdict == "passed"
    for german in (
        decide(before, in_german(after, 101), None, Budgets()),
        decide(in_german(before, 200), after, None, Budgets()),
        decide(before, after, in_german(model(harmful=0), 150), Budgets()),
    ):
        assert (german.verdict, german.needed) == ("undecided", None)
        assert "to harmful prompts are in a language that the judge does not" in german.reasons[0]
        assert "(de)" in german.reasons[0]
    failed = decide(before, in_german(model(harmful=90), 200), None, Budgets())
    assert failed.verdict == "failed" and failed.unread


def test_benign_answers_count_as_one_and_broken_ones_do_not():
    some = in_german(model(100, borderline=100), 100, "utility")
    assert unread(some, "source") == []
    assert "100 of 150 of the source's answers to benign" in unread(some[:250], "source")[0]
    broken = in_german(model(100, degenerate=100), 100)
    assert unread(broken, "source") == []


def test_the_keyword_judge_reads_english_and_a_run_says_so(quick_repair, tmp_path, monkeypatch):
    assert KeywordJudge.languages == ("en",)
    # The made-up world's judge, as if it read German alone: all its answers are English.
    monkeypatch.setattr("modelrepair.demo.judge.WorldJudge.languages", ("de",), raising=False)
    few = {}
    for role in ("realign", "refusal", "utility", "borderline"):
        lines = paths.sets[role].read_text(encoding="utf-8").splitlines(keepends=True)
        few[role] = tmp_path / f"{role}.jsonl"
        few[role].write_text("".join(lines[:20]), encoding="utf-8")
    report = quick_repair(evaluate=True, max_new_tokens=32, **few)
    assert report.verdict in ("undecided", "failed")
    assert any("of the source's answers to harmful prompts" in line for line in report.warnings)
    assert report.gate.unread and report.gate.needed is None
    assert report.next[0].add[:2] == ("--judge", "guard")
    assert modelrepair.verify(report.out, source=paths.attacked, reference=paths.reference).ok
    measured = modelrepair.measure(paths.attacked, realign=few["realign"], judge="demo-world")
    assert any("does not know (en)" in line for line in measured.warnings)
