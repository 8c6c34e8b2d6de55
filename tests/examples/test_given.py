"""Sets as rows in Python: the same examples, digest and resumption as of a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelrepair import errors, measure, plan
from modelrepair.demo import paths
from modelrepair.examples.find import find_set
from modelrepair.examples.given import rows_in_files
from modelrepair.examples.load import SetReading
from modelrepair.pipeline.arguments import RepairArguments, settings_of

ROWS = [
    {"prompt": "2 + 2?", "response": "4", "exact": True},
    {"prompt": "naïve 模型?", "response": "yes\nno", "kind": None},
    {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]},
]


def read(given, name="utility"):
    with rows_in_files({name: given}) as arguments:
        assert Path(arguments[name]).exists()
        some, _ = find_set(arguments[name], name, SetReading())
    assert not Path(arguments[name]).exists()
    return some, Path(arguments[name]).name


@pytest.mark.parametrize("of", [list, tuple, iter, lambda rows: (row for row in rows)])
def test_any_iterable_of_mappings_is_the_set_that_a_file_is(of, tmp_path):
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    some, _ = read(of(ROWS))
    same = find_set(str(file), "utility", SetReading())[0]
    assert some.examples == same.examples
    assert some.digest == same.digest


def test_the_same_rows_have_the_same_name_and_others_another():
    assert read(ROWS)[1] == read(iter(ROWS))[1]
    assert read(ROWS)[1] != read(ROWS[:1])[1]


def test_tables_of_pandas_and_data_sets_are_rows():
    pandas, datasets = pytest.importorskip("pandas"), pytest.importorskip("datasets")
    rows = [{"prompt": "a?", "response": "b"}, {"prompt": "c?", "response": "d"}]
    plain = read(rows)[0]
    frame = pandas.DataFrame([{**row, "gap": None, "n": 1.5} for row in rows])
    for some in (read(frame), read(datasets.Dataset.from_list(rows))):
        assert some[0].digest == plain.digest


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["a prompt"], "row 1 of realign is no mapping"),
        ({"prompt": ["a"]}, "realign is dict, and no rows"),
        (b"abc", "realign is bytes, and no rows"),
        (3, "realign is int, and no rows"),
        ([{"prompt": object()}], "row 1 of realign: Object of type object"),
    ],
)
def test_what_is_no_rows_is_refused(given, said):
    with pytest.raises(errors.ExampleSetError, match=said):
        plan(paths.attacked, realign=given)


def test_no_rows_are_an_empty_file():
    with pytest.raises(errors.ExampleSetError, match="empty"):
        read([])


def test_names_and_paths_stay_as_they_are():
    arguments = {"realign": "beavertails", "utility": Path("u.jsonl"), "refusal": None}
    with rows_in_files(arguments) as given:
        assert given == arguments


def test_measured_on_rows_as_on_a_file():
    file = paths.sets["test_utility"]
    rows = [json.loads(line) for line in Path(file).read_text().splitlines()][:4]
    asked = {"judge": "demo-world", "max_new_tokens": 4}
    by_rows = measure(paths.attacked, utility=rows, **asked)
    by_file = measure(paths.attacked, utility=file, utility_limit=4, **asked)
    assert by_rows.measures == by_file.measures


def test_the_command_in_the_card_names_a_file_and_no_path():
    with rows_in_files({"realign": ROWS}) as given:
        command = settings_of(RepairArguments("user/model"), given).command()
    assert command.startswith("modelrepair fix user/model --realign rows-")
    assert "/tmp" not in command


@pytest.mark.parametrize(
    "name", ["targets", "exclude", "include", "also_template", "thought_markers", "realign_filter"]
)
def test_a_single_text_is_one_item_and_not_its_letters(name):
    def kept(value):
        return getattr(settings_of(RepairArguments("m", **{name: value})), name)

    assert kept("*.mlp.*") == ("*.mlp.*",)
    assert kept(Path("a.jinja")) == ("a.jinja",)
    assert kept(["a", Path("b")]) == ("a", "b")
