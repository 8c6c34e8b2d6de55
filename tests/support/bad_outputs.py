"""Output folders that can't be written, and a machine with too little of something: rows."""

from __future__ import annotations

import errno
import json

from modelrepair.version import version
from tests.support.breaking import HELP, Row, failing, finished, giving, text

UNFINISHED = {"modelrepair": version(), "settings": {"ratio": 0.5}, "inputs": {}}
NO_MEMORY = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried "
    "to allocate 68719476736 bytes."
)
SPILL = "modelrepair.search.score_files.spill"
NO_SPACE, READ_ONLY = "No space left on device", "Read-only file system"

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
        patch=failing(SPILL, OSError(errno.ENOSPC, NO_SPACE), 9),
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
        patch=failing(SPILL, ZeroDivisionError("division by zero"), 9),
        rest=True),
]  # fmt: skip
