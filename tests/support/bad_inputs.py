"""Bad inputs, one row each: what is wrong, how it is made, and what the user is told.

``python -m tests.support.bad_inputs`` writes the same table for people to ``docs/errors.md``.
"""

from __future__ import annotations

import errno
import json
import math
from pathlib import Path

from modelrepair.version import version
from tests.support.bad_adapters import ADAPTERS
from tests.support.bad_sets import FETCH, POINTER, SETS
from tests.support.breaking import (
    FIRST,
    Q,
    Row,
    above,
    again,
    config,
    cut,
    embedding,
    failing,
    finished,
    giving,
    gone,
    indexed,
    only,
    other_architecture,
    scorer,
    sound,
    template,
    tensors,
    text,
    value,
)
from tests.support.error_ids import linked, reference
from tests.support.harmless_inputs import HARMLESS

UNFINISHED = {"modelrepair": version(), "settings": {"ratio": 0.5}, "inputs": {}}
PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
AGAIN = "download or copy the model again, and compare the files' sizes with the original's"
CONVERT = "convert it to safetensors first: …"
HELP = "see `modelrepair fix --help`"
FAULT = "this is a fault of the plug-in, or of the model it was given; --debug shows more"
MINE = "scorer 'Mine' of mine.py sha256:…"
NO_MEMORY = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried "
    "to allocate 68719476736 bytes."
)
SAVE_ARRAY = "modelrepair.search.selection.save_array"
NO_SPACE, READ_ONLY = "No space left on device", "Read-only file system"
ACCUMULATOR = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Sums:
    reads = "inputs"
    combine = "sum"
    def contribution(self, site, batch): raise IndexError(7)
    def nbytes(self, site): return 8

class Mine:
    sets = {"realign": "pairs"}
    needs = {"realign": (Sums(),)}
    def __init__(self, options, subject_kind): pass
    def score(self, view, statistics): return view.subject
"""
OWN = {"options": "--scorer mine.py:Mine"}

SOURCE = [
    Row("no such folder", "no-such-folder", "no folder nowhere",
        "check the path; an id on the Hub looks like user/name", source="./nowhere"),
    Row("a folder's name with a typo", "no-such-folder", "no folder modle",
        "did you mean 'model'? an id on the Hub looks like user/name", source="./modle"),
    Row("the folder above the model", "models-in-folders",
        "run holds no weights at its top, but models in folders: 'checkpoint-9'",
        "give one of the folders in it: 'checkpoint-9'", make=above, source="run"),
    Row("an empty folder", "no-model-files", "empty holds no file of a model",
        "give the folder that holds the model's safetensors files",
        source="empty", make=lambda folder: (folder / "empty").mkdir()),
    Row("a file in place of a folder", "no-such-folder", "realign.jsonl is a file",
        "give the folder that the model is in", source="realign.jsonl"),
    Row("the address of a Space", "wrong-kind-of-address",
        "https://huggingface.co/spaces/user/chat is a Space, and a model is asked for",
        "a Space shows a model: give that model's id, which the page of the Space names",
        source="https://huggingface.co/spaces/user/chat"),
    Row("the address of a folder in a model", "wrong-kind-of-address",
        "best is a part of user/model, and the whole of a model is asked for",
        "hf download user/model --include 'best/*' --local-dir fetched, then give fetched/best",
        source="https://huggingface.co/user/model/tree/main/best"),
    Row("two revisions that differ", "revision-conflict",
        "user/model@v1 names the revision 'v1', and --revision 'v2'", "give one of the two",
        "--revision v2", source="user/model@v1"),
    Row("a folder has no revision", "revision-conflict", "a folder has no revision 'v2'",
        "leave --revision out, or give a Hub id", "--revision v2"),
    Row("only pickled weights", "pickles",
        "model holds pickles only, such as 'pytorch_model.bin'", CONVERT,
        make=only("pytorch_model.bin")),
    Row("only GGUF weights", "gguf",
        "model holds GGUF files only, such as 'model-q4.gguf'",
        "give the model that it was converted from, and make GGUF of the result with …",
        make=only("model-q4.gguf")),
    Row("a shard is missing", "missing-file",
        "weight file 'model-00002-of-00002.safetensors' is missing in the model's folder",
        "download or copy the model again: one of its files is not there",
        make=indexed("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")),
    Row("a clone without its large files", "git-lfs-pointer",
        "'model.safetensors' is a Git LFS pointer: the file itself was not fetched", FETCH,
        make=text("model/model.safetensors", POINTER)),
    Row("a shard is cut short", "damaged-checkpoint",
        "'model.safetensors' is no whole safetensors file: …", AGAIN, make=cut),
    Row("the index names a file outside", "link-out-of-model",
        "'../model-00002.safetensors' lies outside the model's folder",
        "don't trust this model: its files may only name files beside them",
        make=indexed("../model-00002.safetensors")),
    Row("the index and the shards disagree", "damaged-checkpoint",
        "model.safetensors.index.json says that 'model-00001-of-00002.safetensors' holds 'w0', "
        "but it does not", AGAIN, make=indexed("model-00001-of-00002.safetensors")),
    Row("the index is no index", "damaged-checkpoint",
        "model.safetensors.index.json is no index: it needs a weight_map from tensor names to "
        "file names", "download or copy the index again",
        make=text("model/model.safetensors.index.json", "[]")),
    Row("a tensor is missing", "damaged-checkpoint",
        f"1 tensors that config.json asks for are missing, first {Q}",
        "download the model again, or ask its author for the whole checkpoint",
        make=tensors(lambda found: found.pop(Q))),
    Row("a tensor has another shape than the config says", "damaged-checkpoint",
        f"{Q} has shape [128, 64], config.json says [128, 128]",
        "config.json and the weights are from different models",
        make=tensors(lambda found: found.__setitem__(Q, found[Q][:, :64].contiguous()))),
    Row("NaN in a weight", "not-finite", f"{Q} holds NaN or infinite values",
        "the checkpoint is damaged or its training diverged; nothing can be measured on it",
        make=value(math.nan)),
    Row("infinity in a weight", "not-finite", f"{Q} holds NaN or infinite values",
        "the checkpoint is damaged or its training diverged; nothing can be measured on it",
        make=value(math.inf)),
    Row("no config.json", "no-config", "model has no config.json", "give a whole model",
        make=gone("config.json")),
    Row("config.json is not JSON", "no-config", "config.json of model is no JSON object",
        "download the model again", make=text("model/config.json", "{")),
    Row("an unknown architecture", "unknown-type",
        "this version of transformers does not know the model type 'tomorrow'",
        "pip install --upgrade transformers, and try again",
        make=config(model_type="tomorrow")),
    Row("an encoder-decoder", "encoder-decoder",
        "model is an encoder-decoder (LlamaForCausalLM), …",
        "causal language models of transformers work: docs/architectures.md",
        make=config(is_encoder_decoder=True)),
    Row("a classifier", "encoder",
        "LlamaForSequenceClassification is an encoder or a classifier: it writes no answers",
        "causal language models of transformers work: docs/architectures.md",
        make=config(architectures=["LlamaForSequenceClassification"])),
    Row("an encoder", "encoder",
        "BertForMaskedLM is an encoder or a classifier: it writes no answers",
        "causal language models of transformers work: docs/architectures.md",
        make=config(model_type="bert", architectures=["BertForMaskedLM"])),
    Row("quantised weights", "quantised",
        "the weights of model are quantised (quantize_config.json)",
        "give the model that it was quantised from, and quantise the result",
        make=text("model/quantize_config.json", "{}")),
    Row("a key that says so of plain weights", "quantization-key-left-in-plain-weights",
        "config.json of model says quantization_config, and its weights are plain numbers",
        "there: python -c …", make=config(quantization_config={"quant_method": "gptq"})),
    Row("code of its own", "code-of-its-own",
        "the model brings code of its own (auto_map), which is never run",
        "use a version of the model that transformers has natively",
        make=config(auto_map={"AutoModelForCausalLM": "mine.Model"},
                    architectures=["MineForCausalLM"])),
    Row("no tokenizer", "no-tokenizer", "model holds no tokenizer",
        "put the tokenizer's files beside its weights: those of its base, if it has none of its "
        "own",
        make=gone("tokenizer.json", "tokenizer_config.json")),
    Row("a tokenizer whose vocabulary exceeds the embedding", "tokenizer-too-large",
        "the tokenizer gives the token 324, and the model's embedding has 300",
        "tokenizer and weights are of different models, or the embedding was never resized: take "
        "the tokenizer's files that belong to the weights", make=embedding(300)),
    Row("no chat template, and a tokenizer that knows no line ends", "no-chat-template",
        "there is no chat template, and plain instructions can't be used: …",
        "add the chat template that the model was trained with", make=template(None)),
    Row("a chat template that fails", "chat-template-fails", "the chat template can't be used: …",
        "repair the chat template first; …",
        make=text("model/chat_template.jinja", "{% for %}")),
]  # fmt: skip

OPTIONS = [
    Row("an unknown scorer", "unknown-name", "no scorer named 'wnada'", "did you mean 'wanda'?",
        "--scorer wnada"),
    Row("a repairer beside a scorer", "usage",
        "--scorer goes with a scorer, and a repairer was named",
        "leave it out, or --repairer back", "--repairer back --strength 0.5 --scorer wanda"),
    Row("a strength without a repairer", "usage",
        "a strength, and options of a repairer, go with a repairer",
        "name it with --repairer; `modelrepair repairers list` shows what there is",
        "--strength 0.5"),
    Row("an unknown option of a scorer", "plugin-option", "wanda has no option 'nrom'",
        "wanda knows: norm, tokens", "--scorer-option nrom=mean"),
    Row("an option of a scorer that doesn't fit", "plugin-option",
        "option 'lambda' of contrast is 'much', expected number", "contrast knows: …",
        "--scorer contrast --scorer-option lambda=much"),
    Row("an option that is no name=value", "usage",
        "invalid value for '--scorer-option': 'norm' is not name=value", HELP,
        "--scorer-option norm"),
    Row("an option of a judge that has none", "plugin-option", "demo-world has no option 'model'",
        "demo-world has no options", "--judge-option model=org/guard"),
    Row("an option of a judge given twice", "usage",
        "invalid value for '--judge-option': 'a' is given twice", HELP,
        "--judge-option a=1 --judge-option a=2"),
    Row("a chat template that isn't there", "usage",
        "the chat template other.jinja can't be read: No such file or directory",
        "give a jinja file, or a model whose chat template is taken",
        "--also-template other.jinja", evaluate=True),
    Row("a ratio of 0", "usage",
        "invalid value for '--ratio': a ratio of 0.0 is not above 0 and below 1", HELP,
        "--ratio 0"),
    Row("a ratio above 1", "usage",
        "invalid value for '--ratio': a ratio of 1.5 is not above 0 and below 1", HELP,
        "--ratio 1.5"),
    Row("a negative ratio", "usage",
        "invalid value for '--ratio': a ratio of -1.0 is not above 0 and below 1", HELP,
        "--ratio -1"),
    Row("a ratio that is no number", "usage",
        "invalid value for '--ratio': 'abc' is neither a number nor 'auto'", HELP, "--ratio abc"),
    Row("NaN as ratio", "usage",
        "invalid value for '--ratio': a ratio of nan is not above 0 and below 1", HELP,
        "--ratio nan"),
    Row("nothing measured, no ratio", "usage", "a search for the ratio needs measures",
        "give a number for --ratio, or leave out --no-evaluate",
        "--ratio auto"),
    Row("a scale of 1", "usage",
        "invalid value for '--scale': 1 is not at least 0 and below 1", HELP,
        "--scale 1"),
    Row("everything protected", "usage",
        "invalid value for '--protect': 1 is not at least 0 and below 1", HELP, "--protect 1"),
    Row("protection without a utility set", "set-missing", "--protect needs a utility set",
        "give one with --utility", "--protect 0.1"),
    Row("an unknown judge", "unknown-name", "no judge named 'keyowrd'", "did you mean 'keyword'?",
        "--judge keyowrd"),
    Row("an unknown device", "no-such-device", "no device 'gpu': …", "--device auto, cpu or cuda",
        "--device gpu"),
    Row("an option that does not exist", "no-such-option", "no such option '--rato'",
        f"did you mean '--ratio'…? {HELP}", "--rato 0.1"),
    Row("targets that match nothing", "no-matching-matrix",
        "--targets '*.qkv.*' matches no matrix that can be repaired",
        "globs match whole tensor names such as '…'", "--targets *.qkv.*"),
    Row("nothing left to repair", "no-matching-matrix",
        "--targets and --exclude leave no matrix to repair",
        "widen --targets or drop an --exclude", "--targets *.q_proj.* --exclude *.q_proj.*"),
    Row("a delta without a reference", "reference-missing", "a delta needs a reference",
        "name it with --reference, or use --subject weight", "--subject delta"),
    Row("the source as its own reference", "reference-is-source",
        "the reference is the source itself",
        "give the aligned model that the source was fine-tuned from, or 'none'",
        "--reference ./model"),
    Row("a reference with the source's weights", "reference-is-source",
        "source and reference are the same in every matrix",
        "give the aligned model that the source was fine-tuned from, or 'none'",
        "--reference again", make=again),
    Row("no such reference", "no-such-folder", "no folder nowhere",
        "check the path; an id on the Hub looks like user/name", "--reference ./nowhere"),
    Row("a reference of another architecture", "reference-does-not-fit",
        "the reference does not fit: … expected …",
        "give the model that the source was fine-tuned from, or --reference none",
        "--reference other", make=other_architecture),
    Row("a reference with NaN in it", "not-finite",
        f"the reference's {Q} holds NaN or infinite values",
        "the checkpoint is damaged or its training diverged; nothing can be measured on it",
        "--reference model", make=sound, source="again"),
    Row("a mask without entries", "empty-mask", "the mask is empty: no entry was chosen",
        "ask for a larger --ratio, or check that the example sets fit the model",
        "--ratio 1e-9 --scope global"),
]  # fmt: skip

OUTPUT = [
    Row("the output folder is not empty", "output-not-empty",
        "the output folder 'full' is not empty",
        "choose another --out, or remove the folder", "--out full", make=text("full/file", "")),
    Row("the output folder holds a repair with other settings or inputs", "finished-repair",
        "'done' holds a finished repair with other settings or inputs: --examples was 256, is 8; …",
        "run that command … to go on with that one, or choose another --out",
        "--out done", make=finished),
    Row("a finished repair, and --restart", "finished-repair",
        "'done' holds a finished repair, and --restart throws unfinished work away",
        "choose another --out, or remove the folder", "--out done --restart", make=finished),
    Row("a file in place of the output folder", "usage",
        "invalid value for '--out': Directory 'refusal.jsonl' is a file", HELP,
        "--out refusal.jsonl"),
    Row("a file in place of the output's parent", "not-writable",
        "'out' can't be written: Not a directory",
        "choose another --out", "--out refusal.jsonl/out"),
    Row("a disk that can't be written", "not-writable",
        "'out' can't be written: Read-only file system",
        "choose another --out",
        patch=failing("modelrepair.checkpoint.place._make", OSError(errno.EROFS, READ_ONLY))),
    Row("a name that is too long", "not-writable", "'aaaa…' can't be written: File name too long",
        "choose another --out", f"--out {'a' * 252}"),
    Row("the output inside the source", "output-in-source", "the output 'out' lies in the source",
        "choose another --out", "--out model/out"),
    Row("an unfinished repair with other settings or inputs", "unfinished-repair",
        "'out.partial' holds an unfinished repair with other settings or inputs: --ratio was 0.5, "
        "is 0.01; …",
        "run that command again to finish it, or add --restart: …",
        make=text("out.partial/settings.json", json.dumps(UNFINISHED))),
    Row("an unfinished repair by another version", "unfinished-repair",
        "'out.partial' holds an unfinished repair by modelrepair 0.0.1, and this is modelrepair …",
        "finish it with that version, or add --restart: …",
        make=text("out.partial/settings.json", json.dumps({**UNFINISHED, "modelrepair": "0.0.1"}))),
    Row("an unfinished repair that does not say what it is", "unfinished-repair",
        "'out.partial' holds an unfinished repair, and its settings.json does not say of what",
        "choose another --out, or add --restart: …",
        make=text("out.partial/settings.json", '{"digest": "another"}')),
    Row("a folder that is not ours in the way", "output-in-the-way",
        "'out.partial' is in the way and not ours",
        "remove it, or choose --out", make=text("out.partial/thesis.txt", "")),
]  # fmt: skip

PLUGINS = [
    Row("no such file", "unknown-name", "no file none.py for the scorer Mine",
        "give path/to/file.py:Class, from the folder that you are in", "--scorer none.py:Mine"),
    Row("no such class", "unknown-name", "mine.py has no class Yours", "its classes: Mine",
        "--scorer mine.py:Yours", make=scorer("pass")),
    Row("a file that fails", "plugin-not-loaded",
        "mine.py could not be imported: ZeroDivisionError: division by zero",
        "repair the file; `--debug` shows the traceback",
        "--scorer mine.py:Mine", make=text("mine.py", "1 / 0")),
    Row("a class that can't be made", "plugin-not-loaded",
        f"{MINE} could not be made: TypeError: …",
        "repair or update that plug-in; `--debug` shows its traceback",
        "--scorer mine.py:Mine", make=text("mine.py", "class Mine:\n    sets = {}\n")),
    Row("a scorer that raises", "plugin-failed", f"{MINE} failed on {FIRST}: KeyError: 'x'", FAULT,
        make=scorer("return {}['x']"), **OWN),
    Row("scores that are no tensor", "plugin-failed",
        f"{MINE} gave NoneType, expected a tensor on {FIRST}", FAULT,
        make=scorer("return None"), **OWN),
    Row("scores of another shape", "plugin-failed",
        f"{MINE} gave shape […], expected […] on {FIRST}", FAULT,
        make=scorer("return view.subject[0]"), **OWN),
    Row("scores of another dtype", "plugin-failed",
        f"{MINE} gave torch.float64, expected torch.float32 on {FIRST}", FAULT,
        make=scorer("return view.subject.double()"), **OWN),
    Row("scores with NaN", "plugin-failed",
        f"{MINE} gave scores that are not finite on {FIRST}", FAULT,
        make=scorer("return view.subject * float('nan')"), **OWN),
    Row("the same score everywhere", "plugin-failed",
        f"{MINE} gave one and the same score everywhere",
        "the scorer does not look at its input",
        make=scorer("return torch.ones_like(view.subject)"), **OWN, rest=True),
    Row("statistics of a set that it did not name", "plugin-failed",
        f"{MINE} wants statistics of a utility set that it did not ask for",
        "name the set in the plug-in's `sets`, too", "--scorer mine.py:Mine",
        make=scorer("pass", needs={"utility": ()})),
    Row("an accumulator that raises", "plugin-failed",
        f"{MINE}: Sums failed on {FIRST}: IndexError: 7", FAULT,
        make=text("mine.py", ACCUMULATOR), **OWN, rest=True),
    Row("a judge that raises", "judge-failed", "judge 'demo-world' failed: ValueError: no verdict",
        "choose another with --judge, or see --debug",
        patch=failing("modelrepair.demo.judge.WorldJudge.judge", ValueError("no verdict"))),
    Row("a judge that can't be made", "plugin-not-loaded",
        "judge 'demo-world' of modelrepair … could not be made: ValueError: no key",
        "repair or update that plug-in; `--debug` shows its traceback",
        patch=failing("modelrepair.demo.judge.WorldJudge.__init__", ValueError("no key"))),
]  # fmt: skip

MACHINE = [
    Row("too little memory", "not-enough-memory", "about … of memory are needed, 1.0 MB are free",
        "close other programs, lower --max-length, or take a larger machine",
        patch=giving("modelrepair.preflight.plan.free_memory", 1 << 20)),
    Row("too little disk", "not-enough-disk", "about … of disk are needed, 1.0 MB are free",
        "free disk space, give --out on another disk, or lower --examples",
        patch=giving("modelrepair.preflight.plan.free_disk", 1 << 20)),
    Row("the disk runs full before the statistics", "disk-full",
        "hidden states (…) can't be kept: No space left on device",
        "free some disk space beside the output folder and run the command again",
        patch=failing("os.posix_fallocate", OSError(errno.ENOSPC, NO_SPACE)), rest=True),
    Row("the disk runs full during the statistics", "disk-full", "the disk is full beside 'out'",
        "free some space and run the same command: it resumes where it stopped",
        patch=failing(SAVE_ARRAY, OSError(errno.ENOSPC, NO_SPACE), 9),
        rest=True),
    Row("the disk runs full while the model is written", "disk-full",
        "the disk is full: 'model.safetensors' can't be written",
        "free some space and run the same command again, or choose another --out",
        patch=failing("modelrepair.checkpoint.writer._patch", OSError(errno.ENOSPC, NO_SPACE), 3),
        rest=True),
    Row("memory runs out", "out-of-memory", "out of memory: MemoryError",
        "close other programs or lower --token-budget; `modelrepair plan` says what is needed",
        patch=failing("modelrepair.scorers.wanda.Wanda.score", MemoryError(), 9), rest=True),
    Row("memory runs out in the middle of a block", "out-of-memory",
        "out of memory: [enforce fail at alloc_cpu.cpp:117] … can't allocate memory: you tried to "
        "allocate 68719476736 bytes.",
        "close other programs or lower --token-budget; `modelrepair plan` says what is needed",
        patch=failing("modelrepair.engine.passes.passes.run_block", NO_MEMORY, 2), rest=True),
    Row("Ctrl-C", "interrupted", "interrupted; nothing was written or pushed",
        "run the same command to go on: …",
        patch=failing("modelrepair.scorers.wanda.Wanda.score", KeyboardInterrupt(), 9),
        rest=True),
    Row("a bug of ours", "bug", "unexpected ZeroDivisionError: division by zero",
        "this is a bug of modelrepair; please report it with the traceback that --debug shows",
        patch=failing("modelrepair.search.scoring.spill", ZeroDivisionError("division by zero"), 9),
        rest=True),
]  # fmt: skip

SECTIONS = {
    "The source": SOURCE,
    "Adapters": ADAPTERS,
    "Options": OPTIONS,
    "Example sets": SETS,
    "The output folder": OUTPUT,
    "Plug-ins": PLUGINS,
    "The machine, and you": MACHINE,
}
ROWS = [row for rows in SECTIONS.values() for row in rows]


def page() -> str:
    """The table for people."""
    parts = [
        "<!-- Written by `python -m tests.support.bad_inputs` from the table that "
        "the tests run. -->",
        "# Error reference",
        "An error is two lines on stderr, `Error: …` and `Hint [id]: …`; with `--json` also one "
        "document on stdout, with the id and its place on this page. An id is stable: what is said "
        "may get better words, the id stays. Each is explained here with its [exit "
        "code](exit-codes.md). [Below](#what-fix-says-to-what) is what `modelrepair fix` says in "
        "each case that is tested; [errors of the Hub](hub-errors.md) are on a page of their own.",
        *reference(),
        "## What fix says to what",
        "The output folder is never there half-written, and the source is never changed. “…” is "
        "text that depends on the case. Rows marked ↻ leave `OUT.partial/`: the same command "
        "resumes where it stopped.",
    ]
    for title, rows in SECTIONS.items():
        table = ["| what | id | code | error | hint |", "| --- | --- | --- | --- | --- |"]
        for row in rows:
            cells = (row.what + " ↻" * row.rest, linked(row.id), str(row.code), row.line, row.hint)
            table.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
        parts += [f"### {title}: cases", "\n".join(table)]
    table = ["| what | what is said |", "| --- | --- |"]
    table += [f"| {each.what} | {each.said or '–'} |" for each in HARMLESS]
    parts += ["## What stops nothing", "\n".join(table)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
