"""Each error has an id: in kebab case, with one meaning, and explained on the page of errors."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

import modelrepair
from modelrepair import errors
from modelrepair.errors import ModelRepairError
from modelrepair.source import hub_errors
from modelrepair.source.kinds import KINDS
from modelrepair.source.look import ModelKind
from tests.support.error_ids import ERRORS, reference

PACKAGE = Path(modelrepair.__file__).parent
PAGE = PACKAGE.parent / "docs" / "errors.md"
CLASSES = {
    name: each
    for name, each in vars(errors).items()
    if isinstance(each, type) and issubclass(each, ModelRepairError)
}
OF_THE_COMMAND_LINE = {"no-such-command", "no-such-option", "out-of-memory"}
"""What `cli/errors.py` finds in exceptions that are not ours; its other ids are raised, too."""


def raised() -> dict[str, set[int]]:
    """Each id that is named where an error is made, and the exit codes of these errors."""
    found: dict[str, set[int]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                for keyword in node.keywords:
                    if keyword.arg == "id" and node.func.id in CLASSES:
                        value = ast.unparse(keyword.value)
                        if re.fullmatch(r"'.+'", value):
                            found[value[1:-1]].add(CLASSES[node.func.id].exit_code)
    return found


def of_a_kind(name: str) -> tuple[str, int]:
    with pytest.raises(errors.UnsupportedModelError) as refused:
        ModelKind(name, "no", "do").check()
    return refused.value.id, refused.value.exit_code


def test_an_id_is_kebab_case_and_has_one_meaning():
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id) for id in ERRORS)
    assert len({each.means for each in ERRORS.values()}) == len(ERRORS)
    assert all(each.means.endswith(".") and each.do.endswith(".") for each in ERRORS.values())


def test_each_class_of_errors_has_an_id_of_its_own():
    ids = {name: each.id for name, each in CLASSES.items()}
    assert len(set(ids.values())) == len(ids)
    for name, id in ids.items():
        assert ERRORS[id].code == CLASSES[name].exit_code, name


def test_each_id_that_is_raised_is_explained_and_no_other():
    used = raised()
    for each in CLASSES.values():
        used[each.id].add(each.exit_code)
    for name in KINDS:
        id, code = of_a_kind(name)
        used[id].add(code)
    of_the_hub = {case.id for case in hub_errors._CASES}
    assert used.keys() | of_the_hub | OF_THE_COMMAND_LINE == ERRORS.keys()
    for id, codes in used.items():
        assert codes == {ERRORS[id].code}, f"{id} ends with one exit code"


def test_the_page_has_one_anchor_for_each_id():
    headings = re.findall(r"^### (\S+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert headings == list(ERRORS)
    assert sum(part.startswith("### ") for part in reference()) == len(ERRORS)


def test_an_error_keeps_its_id_where_its_hint_is_changed():
    error = errors.UsageError("no scorer", hint="wanda?", id="unknown-name")
    error.hint = "see the list"
    assert (error.id, error.__notes__) == ("unknown-name", ["Hint [unknown-name]: see the list"])
