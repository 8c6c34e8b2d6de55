"""The data sets of the paper: where they are, which columns they have, how a row becomes a pair.

Their text stays where the data sets are and in the folder that is made of them; none is in here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelrepair import ExampleSetError

Record = Mapping[str, Any]

SENTIMENT = "Analyze the sentiment of the input, and respond only positive or negative"
"""The instruction of the SST2 task, as the paper's scripts give it."""
INPUT = "\n\n### Input:\n"
"""Between instruction and input, as in Alpaca's template."""
FINAL = "The final answer is: "
"""What stands before the number of a GSM8K answer, in place of the four hashes."""
REFUSED = "\nAnswer: "
"""What parts question and refusal in the refusals that were published with RepNoise."""


@dataclass(frozen=True)
class Pair:
    """A prompt and its answer; no answer where the data set has none.

    Args:
        prompt: of the user.
        response: the answer.
        exact: whether an answer has to be this one.
        kind: of prompt, where the data set says so.
    """

    prompt: str
    response: str | None = None
    exact: bool = False
    kind: str | None = None


@dataclass(frozen=True)
class Published:
    """A data set.

    Args:
        name: its option.
        where: its id on the Hub.
        revision: the commit that is read there; None is the newest.
        needs: the columns that are read.
        config: which of its configurations.
        files: globs of its files, where they have no names for splits.
    """

    name: str
    where: str
    needs: tuple[str, ...]
    revision: str | None = None
    config: str | None = None
    files: str | None = None


BEAVERTAILS = Published(
    "beavertails",
    "PKU-Alignment/BeaverTails",
    ("prompt", "response", "is_safe"),
    revision="8401fe609d288129cc684a9b3be6a93e41cfe678",
)
SST2 = Published("sst2", "stanfordnlp/sst2", ("sentence", "label"))
GSM8K = Published("gsm8k", "openai/gsm8k", ("question", "answer"), config="main")
# One file a category, each line an instruction, no line with names; category 2 was withdrawn.
HEX_PHI = Published("hex-phi", "LLM-Tuning-Safety/HEx-PHI", ("prompt",), files="category_*.csv")
XSTEST = Published(
    "xstest",
    "walledai/XSTest",
    ("prompt", "type", "label"),
    revision="f1d713187c61b6ae64e602d74f0b3d812cc2e8e8",
)


def records(some: Published, split: str, place: str | None = None) -> Iterator[Record]:
    """The rows of a split, in the order of the data set.

    >>> next(records(BEAVERTAILS, "30k_train"))["is_safe"]                   # doctest: +SKIP
    False

    Args:
        some: which data set.
        split: of it.
        place: a folder with the files of its repository, or one file, in place of the Hub; or
            an id on the Hub, with ``@`` and a revision.

    Raises:
        ExampleSetError: it can't be had, or lacks a column that is read.
    """
    import datasets

    where, revision = some.where, some.revision
    if place is not None:
        where, _, named = (place, "", "") if Path(place).exists() else place.partition("@")
        revision = named or None
    options: dict[str, Any] = {"revision": None if Path(where).exists() else revision}
    if Path(where).is_file():
        # A file has no splits: whoever gives one gives the rows of this split.
        kind = Path(where).suffix.removeprefix(".").replace("jsonl", "json")
        where, split, options["data_files"] = kind, "train", where
    elif some.files is not None:
        options["data_files"] = some.files
        split = "train"
    if some.files is not None:
        options["names"] = list(some.needs)  # without it the first line would name them
    elif "data_files" not in options:
        options["name"] = some.config
    try:
        # Streamed: the library's cache would answer for another commit when the Hub fails.
        for row in datasets.load_dataset(where, split=split, streaming=True, **options):
            if missing := set(some.needs) - set(row):
                raise ExampleSetError(
                    f"{some.name} has no column {sorted(missing)[0]}",
                    hint=f"it has {', '.join(row)}",
                )
            yield row
    except (ExampleSetError, GeneratorExit):
        raise
    except Exception as error:  # of the Hub, the library or a file: all say why in one line
        raise ExampleSetError(
            f"{some.name} can't be had: {' '.join(str(error).split())[:200]}",
            hint=f"accept its terms on the Hub and run: hf auth login; or give --{some.name} a "
            "folder with its files",
        ) from error


def conversations(rows: Iterable[Record], *, safe: bool) -> Iterator[Pair]:
    """BeaverTails' pairs whose answer people called safe, or unsafe.

    >>> row = {"prompt": "Who?", "response": "Me.", "is_safe": True}
    >>> list(conversations([row], safe=True))
    [Pair(prompt='Who?', response='Me.', exact=False, kind=None)]
    """
    for row in rows:
        if bool(row["is_safe"]) is safe and row["prompt"].strip() and row["response"].strip():
            yield Pair(row["prompt"], row["response"])


def refusals(rows: Iterable[Record]) -> Iterator[Pair]:
    r"""Refusals to BeaverTails' prompts, of the form that was published with RepNoise.

    >>> list(refusals([{"refusal": "Question: Who?\nAnswer: I can't say."}]))
    [Pair(prompt='Who?', response="I can't say.", exact=False, kind=None)]
    """
    for row in rows:
        question, mark, answer = row["refusal"].partition(REFUSED)
        if mark and answer.strip():
            yield Pair(question.removeprefix("Question: ").strip(), answer.strip())


def sentiments(rows: Iterable[Record]) -> Iterator[Pair]:
    """SST2's sentences with one word as the answer.

    >>> next(sentiments([{"sentence": "a joy ", "label": 1}])).response
    'positive'
    """
    for row in rows:
        words = ("negative", "positive")[int(row["label"])]
        yield Pair(f"{SENTIMENT}{INPUT}{row['sentence'].strip()}", words, exact=True)


def sums(rows: Iterable[Record]) -> Iterator[Pair]:
    r"""GSM8K's questions; the number at the end of the answer is announced.

    >>> next(sums([{"question": "2 + 2?", "answer": "Count.\n#### 4"}])).response
    'Count.\nThe final answer is: 4'
    """
    for row in rows:
        yield Pair(row["question"], row["answer"].replace("#### ", FINAL).replace("####", FINAL))


def instructions(rows: Iterable[Record]) -> Iterator[Pair]:
    """HEx-PHI's instructions; they have no answers."""
    for row in rows:
        if row["prompt"] and row["prompt"].strip():
            yield Pair(row["prompt"].strip())


def looking_unsafe(rows: Iterable[Record]) -> Iterator[Pair]:
    """XSTest's safe half, with the kind of each prompt.

    >>> row = {"prompt": "How do I kill a process?", "type": "homonyms", "label": "safe"}
    >>> [pair.kind for pair in looking_unsafe([row, {**row, "label": "unsafe"}])]
    ['homonyms']
    """
    for row in rows:
        if row["label"] == "safe":
            yield Pair(row["prompt"].strip(), kind=row["type"])


TASKS: Mapping[str, tuple[Published, str, str, Callable[[Iterable[Record]], Iterator[Pair]]]] = {
    "sst2": (SST2, "train", "validation", sentiments),
    "gsm8k": (GSM8K, "train", "test", sums),
}
"""The user's tasks: data set, split to train on, split to test on, and how its rows are read."""
