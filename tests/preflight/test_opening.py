"""The first lines of a repair are those of its plan, fit 80 columns, and say what is known."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

import pytest

from modelrepair.demo import paths
from modelrepair.pipeline.planning import plan_of
from modelrepair.preflight.opening import WIDTH
from modelrepair.preflight.refusals import Stopped
from modelrepair.settings.settings import Settings
from tests.support.openings import REALIGN, opening

LABELS = ["Runs", "Source", "Licence", "Reference", "Examples", "Goes to", "Memory", "Time", "Open"]


def labels(lines: list[str]) -> list[str]:
    return [line.split("  ")[0] for line in lines if not line.startswith(" ")]


def test_it_says_what_will_run_in_order_and_is_short():
    made = opening(reference=str(paths.reference))
    lines = made.lines()
    assert labels(lines) == [each for each in LABELS if each != "Licence"]
    assert len(lines) <= 15 and max(map(len, lines)) <= WIDTH
    text = " ".join(" ".join(lines).split())
    assert "yes: 100 % of the matrices in 4 blocks" in text
    assert "language model (llama), 0.9 M parameters" in text
    assert "realign: realign.jsonl, a file of yours, 120 rows" in text
    assert "utility: plain, in the package, apache-2.0" in text
    assert "attacked-repaired, not pushed" in text
    assert re.search(r"at most \d+ rounds, \d+ candidates, [\d,]+ answers", text)
    assert "only measuring can show: nothing to repair, broken answers, the verdict" in text
    assert str(paths.attacked) not in text and REALIGN not in text


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [
        (3, 3, "3 s"),
        (3, 40, "3 to 40 s"),
        (40, 111, "40 s to 1 min 51 s"),
        (111, 308, "1 min 51 s to 5 min 8 s"),
        (120, 300, "2 to 5 min"),
        (120, 308, "2 min to 5 min 8 s"),
        (300, 7300, "5 min to 2 h 1 min"),
    ],
)
def test_times_share_a_unit_only_where_they_have_the_same_one(least, most, said):
    made = replace(opening(), seconds_least=least, seconds_most=most)
    assert any(f"{said} of processor time here" in line for line in made.lines())


def test_a_licence_that_asks_for_something_is_said(tmp_path):
    folder = shutil.copytree(paths.attacked, tmp_path / "model")
    (folder / "README.md").write_text("---\nlicense: llama3.1\n---\n")
    made = opening_of(folder)
    assert labels(made.lines()) == LABELS
    assert any("licence llama3.1" in line for line in made.lines())


def opening_of(folder):
    made = plan_of(Settings(str(folder), realign=REALIGN, reference="none")).opening
    assert made is not None
    return made


def test_what_is_refused_comes_first_with_the_way_on():
    made = replace(
        opening(), refused=Stopped("too little", "free some", "not-enough-memory", 4, "")
    )
    assert made.lines()[:2] == ["Runs       no: too little", "           free some"]


def test_one_of_a_thing_is_one_and_a_finished_repair_takes_no_time():
    made = opening(evaluate=False, ratio=0.1, scorer="magnitude")
    assert any("at most 1 round, 1 candidate, 0 answers" in line for line in made.lines())
    text = "\n".join(replace(opening(), finished=True).lines())
    assert "Time       none: nothing is computed again" in text and "only measuring" not in text


def test_of_several_ranks_each_takes_the_memory():
    made = opening()
    assert not any(" a rank" in line for line in made.lines())
    (line,) = (each for each in replace(made, ranks=2).lines() if each.startswith("Memory"))
    assert "MB a rank; " in line


def test_long_words_stay_whole():
    made = replace(opening(), source="user/" + "x" * 96, licence="l" * 100)
    words = " ".join(made.lines()).split()
    assert any("x" * 96 in word for word in words) and "l" * 100 in words


def test_where_the_repair_is_there_already_nothing_is_left_to_compute():
    made = replace(
        opening(), finished=True, target="me/m", account="me", visibility="public", exists=True
    )
    text = " ".join(" ".join(made.lines()).split())
    assert "which holds this repair already, then me/m (there already, public), as me" in text
    assert "Time none: nothing is computed again" in text


def test_one_round_is_no_rounds():
    made = opening(scorer="wanda", ratio=0.01)
    assert "at most 1 round, 1 candidate," in " ".join(" ".join(made.lines()).split())
