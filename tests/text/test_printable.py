"""What a name may do to a terminal: nothing."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from modelrepair.cli.errors import explain
from modelrepair.cli.output import Output
from modelrepair.errors import UsageError
from modelrepair.progress import Progress
from modelrepair.text.printable import printable
from modelrepair.text.step_lines import Lines

HOSTILE = "a\nverified (all)\r\x1b[2K\x1b]0;x\x07\u202egnp\u202c\u200b\u2028\u2029\x85\ue000b"


@given(st.text())
def test_nothing_that_acts_or_hides_is_left(text):
    shown = printable(text)
    assert not {unicodedata.category(each) for each in shown} & {
        "Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp",
    }  # fmt: skip
    assert printable(shown) == shown


@pytest.mark.parametrize(
    "text", ["模型", "نموذج", "מודל", "मॉडल", "e\u0301", "модель", "naïve", "😀", "a b–c"]
)
def test_every_script_stays(text):
    assert printable(text) == text


def test_the_one_way_out_lets_a_name_print_no_line_of_its_own():
    stdout, stderr = io.StringIO(), io.StringIO()
    output = Output(stdout=stdout, stderr=stderr)
    table = Table("file")
    table.add_row(HOSTILE)
    output.result({}, f"changed {HOSTILE}", "second line", table)
    output.note(f"note {HOSTILE}")
    error = UsageError(f"bad {HOSTILE}", hint="rename it")
    output.failure(explain(error), error)
    Progress(Lines(stderr)).note(f"working on {HOSTILE}")
    first, second, *_ = stdout.getvalue().splitlines()
    assert first.startswith("changed a\\nverified (all)\\r\\x1b[2K")
    assert second == "second line"
    assert len(stderr.getvalue().splitlines()) == 4
    for text in (stdout.getvalue(), stderr.getvalue()):
        assert not any(line.startswith("verified") for line in text.splitlines())
        assert not set("\x1b\x07\r\u202e\u200b\u2028\u2029\x85\ue000") & set(text)
