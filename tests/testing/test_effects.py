"""What a plug-in does beside its answer is found, and what the kit prepares is not."""

from __future__ import annotations

import socket

import pytest
import torch

from modelrepair.testing.effects import asks_no_network, draws_nothing, writes_nothing
from modelrepair.testing.runner import run_check
from modelrepair.testing.subject import open_subject


@pytest.fixture
def subject(tmp_path):
    return open_subject("keyword", folder=tmp_path)


def connect():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.connect(("127.0.0.1", 9))


def write(subject):
    (subject.folder / "made").touch()


@pytest.mark.parametrize(
    ("check", "act", "reason"),
    [
        (draws_nothing, lambda subject: torch.rand(1), "it draws or seeds the global random "
         "numbers of torch; use a generator of its own"),
        (lambda prepare: writes_nothing(prepare, "it gives"), write, "made: it gives and keeps "
         "nothing"),
        (lambda prepare: asks_no_network(prepare, "it …, too"), lambda subject: connect(),
         "it connects to ('127.0.0.1', 9), too"),
    ],
    ids=["draws", "writes", "asks"],
)  # fmt: skip
def test_what_it_does_is_found_and_what_is_prepared_is_not(subject, check, act, reason):
    result, _ = run_check(check(lambda given: lambda: act(given)), subject)
    assert result.outcome == "failed" and result.reason.endswith(reason)

    def prepared(given):
        act(given)
        return lambda: None

    assert run_check(check(prepared), subject)[0].outcome == "passed"


def test_a_failure_that_has_nothing_to_do_with_the_network_is_its_own(subject):
    check = asks_no_network(lambda given: lambda: 1 / 0, "it …")
    assert run_check(check, subject)[0].reason == "ZeroDivisionError: division by zero"
