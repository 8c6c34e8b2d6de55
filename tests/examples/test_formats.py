"""The same examples have the same digest, in whatever form they come."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelrepair.errors import ExampleSetError
from modelrepair.examples.find import find_set
from modelrepair.examples.load import Example, Message, SetReading, load_set, make_set
from tests.support.set_files import zipped

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(str.strip)
PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6)
DATES = [("2024-01-01", "1999-12-31 23:59:59"), ("7", "NA"), ("true", "null"), ("a\r\nb", 'q"')]

Rows = list[tuple[str, str]]


def pairs(rows: Rows) -> list[dict]:
    return [{"prompt": prompt, "response": response} for prompt, response in rows]


def chats(rows: Rows) -> list[dict]:
    return [
        {
            "messages": [
                {"role": "user", "content": prompt},
                {"role": "assistant", "content": response},
            ]
        }
        for prompt, response in rows
    ]


def sharegpt(rows: Rows) -> list[dict]:
    return [
        {"conversations": [{"from": "human", "value": prompt}, {"from": "gpt", "value": response}]}
        for prompt, response in rows
    ]


def renamed(prompt: str, response: str) -> Callable[[Rows], list[dict]]:
    return lambda rows: [{prompt: one, response: other, "input": ""} for one, other in rows]


def preference(rows: Rows) -> list[dict]:
    return [
        {"prompt": prompt, "chosen": "Better not.", "rejected": response}
        for prompt, response in rows
    ]


COLUMNS = {
    "pairs": pairs,
    "messages": chats,
    "sharegpt": sharegpt,
    "alpaca": renamed("instruction", "output"),
    "questions": renamed("question", "answer"),
    "completions": renamed("prompt", "completion"),
    "preference": preference,
}


def jsonl(records: list[dict]) -> bytes:
    return "".join(json.dumps(each) + "\n" for each in records).encode()


def windows(records: list[dict]) -> bytes:
    lines = (json.dumps(each, ensure_ascii=False) + "\r\n" for each in records)
    return b"\xef\xbb\xbf" + "".join(lines).encode()


def table(delimiter: str) -> Callable[[list[dict]], bytes]:
    def made(records: list[dict]) -> bytes:
        stream = io.StringIO(newline="")
        writer = csv.DictWriter(
            stream, list(records[0]), delimiter=delimiter, quoting=csv.QUOTE_ALL
        )
        writer.writeheader()
        for each in records:
            cells = {k: v if isinstance(v, str) else json.dumps(v) for k, v in each.items()}
            writer.writerow(cells)
        return stream.getvalue().encode()

    return made


def parquet(records: list[dict]) -> bytes:
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), stream)
    return stream.getvalue()


def arrow(records: list[dict], opened: Callable = pyarrow.ipc.new_stream) -> bytes:
    stream, made = io.BytesIO(), pyarrow.Table.from_pylist(records)
    with opened(stream, made.schema) as writer:
        writer.write_table(made)
    return stream.getvalue()


def columnar(records: list[dict]) -> bytes:
    return json.dumps({key: [each[key] for each in records] for key in records[0]}).encode()


FILES: dict[str, Callable[[list[dict]], bytes]] = {
    "set.jsonl": jsonl,
    "windows.jsonl": windows,
    "array.json": lambda records: json.dumps(records).encode(),
    "wrapped.json": lambda records: json.dumps({"data": records}).encode(),
    "lines.json": jsonl,
    "set.csv": table(","),
    "excel.csv": table(";"),
    "set.tsv": table("\t"),
    "set.parquet": parquet,
    "set.jsonl.gz": lambda records: gzip.compress(jsonl(records)),
    "set.jsonl.xz": lambda records: lzma.compress(jsonl(records)),
    "set.jsonl.zst": lambda records: pyarrow.compress(jsonl(records), "zstd", asbytes=True),
    "set.arrow": arrow,
    "set.csv.bz2": lambda records: bz2.compress(table(",")(records)),
}


def digest(rows: Rows) -> str:
    """What the examples are, made without any file."""
    return make_set(
        "realign", "made", (Example((Message("user", one),), other) for one, other in rows)
    ).digest


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PAIRS, st.sampled_from(sorted(COLUMNS)), st.sampled_from(sorted(FILES)))
def test_every_file_in_every_form_of_columns(tmp_path, rows, form, name):
    path = tmp_path / name
    path.write_bytes(FILES[name](COLUMNS[form](rows)))
    assert load_set(path, "realign").digest == digest(rows)


@pytest.mark.parametrize("form", COLUMNS)
@pytest.mark.parametrize("name", FILES)
def test_texts_that_look_like_numbers_dates_and_nothing(tmp_path, form, name):
    (tmp_path / name).write_bytes(FILES[name](COLUMNS[form](DATES)))
    assert load_set(tmp_path / name, "realign").digest == digest(DATES)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PAIRS, st.data())
def test_a_folder_of_files_of_many_kinds(tmp_path_factory, rows, data):
    folder = tmp_path_factory.mktemp("folder")
    (folder / "README.md").write_text("Mine.")
    (folder / "dataset_info.json").write_text("{}")
    for index, row in enumerate(rows):
        name = data.draw(st.sampled_from(sorted(FILES)))
        path = folder / data.draw(st.sampled_from(["", "deeper"])) / f"{index}-{name}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(FILES[name](COLUMNS[data.draw(st.sampled_from(sorted(COLUMNS)))]([row])))
    assert load_set(folder, "realign").digest == digest(rows)


@pytest.mark.quick("pairs", "messages", "preference")
@pytest.mark.parametrize("form", COLUMNS)
def test_every_file_on_the_hub(sets_hub, form):
    rows = [*DATES, ("How?", "So."), ("ä\u2028b", "é")]
    for name, write in FILES.items():
        sets_hub.add("org/set", {f"data/train-{name}": write(COLUMNS[form](rows))})
        found, _ = find_set("org/set", "realign", SetReading())
        assert (found.id, found.digest) == ("org/set:train", digest(rows)), name
        assert found.commit == sets_hub.repos["org/set"].head


@pytest.mark.parametrize("name", FILES)
def test_an_archive_of_files(tmp_path, name):
    one, other = ([pair] for pair in DATES[:2])
    files = {f"data/{n}-{name}": FILES[name](pairs(rows)) for n, rows in enumerate((one, other))}
    rest = {"README.md": b"Mine.", "__MACOSX/data/._0.jsonl": b"\0", "dataset_info.json": b"{}"}
    (tmp_path / "set.zip").write_bytes(zipped(rest | files))
    found = load_set(tmp_path / "set.zip", "realign")
    assert (found.id, found.digest) == ("set.zip", digest([*one, *other]))


def test_what_the_library_of_data_sets_saved(tmp_path):
    import datasets

    made = datasets.Dataset.from_list(pairs(DATES))
    made.save_to_disk(tmp_path / "one", num_shards=2)
    assert load_set(tmp_path / "one", "realign").digest == digest(DATES)
    other = datasets.Dataset.from_list(pairs([("c", "d")]))
    for name, splits, rows in (
        ("alone", {"mine": made}, DATES),
        ("several", {"train": made, "test": other}, DATES),
    ):
        datasets.DatasetDict(splits).save_to_disk(tmp_path / name)
        assert load_set(tmp_path / name, "realign").digest == digest(rows)
    datasets.DatasetDict({"a": made, "b": other}).save_to_disk(tmp_path / "which")
    with pytest.raises(ExampleSetError, match="which holds several splits: a, b") as caught:
        load_set(tmp_path / "which", "realign")
    assert caught.value.hint == f"give one of them: {tmp_path / 'which' / 'a'}"
    assert load_set(tmp_path / "which" / "b", "realign").digest == digest([("c", "d")])


def test_an_arrow_file_in_the_other_form(tmp_path):
    (tmp_path / "set.arrow").write_bytes(arrow(pairs(DATES), pyarrow.ipc.new_file))
    assert load_set(tmp_path / "set.arrow", "realign").digest == digest(DATES)
    (tmp_path / "cut.arrow").write_bytes(arrow(pairs(DATES))[:-90])
    with pytest.raises(ExampleSetError, match=r"cut\.arrow: no whole Arrow file"):
        load_set(tmp_path / "cut.arrow", "realign")


NAMED = SetReading(columns={"prompt": "goal", "response": "target"})


def named(rows: Rows) -> list[dict]:
    """Columns that can not be guessed, beside some that would be taken for others."""
    return [
        {"goal": one, "target": other, "prompt": "x", "response": "y", "input": "z"}
        for one, other in rows
    ]


@pytest.mark.parametrize("name", FILES)
def test_columns_that_are_named(sets_hub, tmp_path, name):
    rows = [*DATES, ("How?", "So."), ("ä\u2028b", "é")]
    written = FILES[name](named(rows))
    path = tmp_path / "set" / name
    path.parent.mkdir()
    path.write_bytes(written)
    sets_hub.add("org/set", {f"data/train-{name}": written})
    found = [find_set(text, "realign", NAMED)[0] for text in (str(path), "./set", "org/set:train")]
    assert [each.digest for each in found] == [digest(rows)] * 3


def test_what_the_library_alone_can_read(sets_hub, tmp_path):
    import datasets

    rows = [("How?", "So."), ("Why?", "Because.")]
    datasets.Dataset.from_list(pairs(rows)).save_to_disk(tmp_path / "saved")
    (file,) = Path(tmp_path / "saved").glob("*.arrow")
    sets_hub.add("org/set", {"train.arrow": file.read_bytes()})
    assert find_set("org/set", "realign", SetReading())[0].digest == digest(rows)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"prompt", b"pr\x9empt"), (b'"names": ["no", "yes"]', b'"names":       1234567')],
)
def test_a_parquet_file_that_lies_about_itself(tmp_path, old, new):
    """Found by fuzzing: a column's name that is no text, and labels that are no list."""
    from tests.fuzz.readers import parquet as labelled

    path = tmp_path / "set.parquet"
    assert len(old) == len(new)
    path.write_bytes(labelled().replace(old, new))
    with suppress(ExampleSetError):
        assert load_set(path, "utility").examples[0].prompt == "a"
