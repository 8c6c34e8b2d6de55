"""The model without its weights: built on the meta device, filled and emptied block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from modelrepair.checkpoint.config import check_counts, read_config
from modelrepair.checkpoint.reader import Checkpoint
from modelrepair.engine.layout.conversion import Conversion, Made
from modelrepair.engine.layout.names import match_names
from modelrepair.engine.stops import read_stops
from modelrepair.errors import ModelRepairError, UnsupportedModelError
from modelrepair.text.units import in_bytes

MOST_BUFFERS = 2**32
"""Bytes of tables that a model computes for itself (rotary frequencies, causal masks)."""

ReadWeight = Callable[[str], Tensor]
"""Gives a checkpoint tensor by its file name, as the model computes with it, in host memory."""

Ready = dict[str | Conversion, Mapping[str, Tensor]]
"""What was read, or made of what was read, by the names in the checkpoint or the model."""


@dataclass(frozen=True)
class Skeleton:
    """A transformers model on the meta device, its decoder blocks, and where each weight lies.

    Args:
        model: the causal language model, every parameter on meta, in ``eval()``.
        blocks: its decoder blocks, in order.
        prefix: their dotted name in the model, ``"model.layers"``.
        files: parameter name → tensor name in the checkpoint, or the conversion that makes it of
            several; tied parameters share one.
        device: where filled weights and the model's computed buffers lie.
        unknown: tensors of the checkpoint that the model doesn't know; they stay as they are.
        answer_length: how long a tuple a block answers with, its hidden state first, or None
            where it answers with the hidden state alone.
        dtype: what the model computes in.
        unused: linear layers that their block does not call once, as (block, path in it).
        shared: the argument through which its blocks pass each other state, or None.
        adapter: the tensors of the adapter that its layers carry; None for a whole model.
    """

    model: Any
    blocks: nn.ModuleList
    prefix: str
    files: Mapping[str, str | Made]
    device: torch.device
    unknown: tuple[str, ...]
    answer_length: int | None = None
    dtype: torch.dtype = torch.float32
    shared: str | None = None
    adapter: frozenset[str] | None = None
    unused: frozenset[tuple[int, str]] = frozenset()

    @property
    def vocabulary(self) -> int:
        """How many tokens its embedding has."""
        return int(self.model.get_input_embeddings().weight.shape[0])

    @contextmanager
    def filled_shell(self, read: ReadWeight) -> Iterator[None]:
        """Hold what is not a block (embedding, last norm, head) for the time of the context."""
        names = [name for name in self.files if not name.startswith(f"{self.prefix}.")]
        with filled(self.model, {name: self.files[name] for name in names}, read, self.device):
            yield

    @contextmanager
    def filled_block(
        self, index: int, read: ReadWeight, ready: Ready | None = None
    ) -> Iterator[nn.Module]:
        """Hold one block for the time of the context; what of it is ready is not read again."""
        with filled(self.blocks[index], self._files_of(index), read, self.device, ready):
            yield self.blocks[index]

    @contextmanager
    def walk(
        self, order: Iterable[int], read: ReadWeight
    ) -> Iterator[Callable[[int], AbstractContextManager[nn.Module]]]:
        """Hold blocks one after the other, in this order; what is given holds the next one.

        While another device than the processor computes, the one after it is read in a thread, into
        the host's memory. A processor has no time to spare: there a thread would gain nothing.

        Args:
            order: the blocks.
            read: gives a weight; it is called in the thread.
        """
        if self.device.type == "cpu":
            yield lambda index: self.filled_block(index, read)
            return
        left = iter(order)
        with ThreadPoolExecutor(1) as reader:
            # An error in the thread is raised where the block is asked for.
            begun = [reader.submit(self._read, index, read) for index in islice(left, 1)]

            @contextmanager
            def filled_next(index: int) -> Iterator[nn.Module]:
                with self.filled_block(index, read, begun.pop().result()) as block:
                    begun.extend(reader.submit(self._read, each, read) for each in islice(left, 1))
                    yield block

            yield filled_next

    def _read(self, index: int, read: ReadWeight) -> Ready:
        """What fills a block; from pinned memory a GPU takes it while the processor works."""
        found: Ready = {}
        for file in self._files_of(index).values():
            key, _ = _key(file)
            if key not in found:
                made = _made(key, read)
                if self.device.type == "cuda":
                    made = {name: tensor.pin_memory() for name, tensor in made.items()}
                found[key] = made
        return found

    def _files_of(self, index: int) -> dict[str, str | Made]:
        """What fills a block, by the names in it."""
        prefix = f"{self.prefix}.{index}."
        return {
            name.removeprefix(prefix): file
            for name, file in self.files.items()
            if name.startswith(prefix)
        }

    @contextmanager
    def filled_model(self, read: ReadWeight) -> Iterator[Any]:
        """Hold the whole model, for generation, for the time of the context."""
        with filled(self.model, self.files, read, self.device):
            yield self.model


def build(
    folder: Path,
    checkpoint: Checkpoint,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
) -> Skeleton:
    """Build the model that a folder's config describes, without reading a weight.

    Raises:
        UnsupportedModelError: transformers has no causal language model for this config, or its
            blocks can't be found.
        DamagedCheckpointError: a tensor is missing or of another shape than the config says.
    """
    from transformers import AutoConfig

    check_counts(read_config(folder), tuple(checkpoint.entries.values()))
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        config.use_cache = False
        with torch.device("meta"):
            make: Any = loader_of(config).from_config
            # Experts one after the other: what each of them sees can be shown, bit for bit.
            model = make(
                config, dtype=dtype, trust_remote_code=False, experts_implementation="eager"
            )
    except Exception as error:
        raise UnsupportedModelError(
            f"transformers can't build a causal language model from config.json: {_line(error)}",
            hint="check that the folder holds a causal language model that transformers loads",
            id="unknown-type",
        ) from error
    # What ends an answer is the loader's to know; no other setting of that file is taken.
    stops = read_stops(folder, int(model.get_input_embeddings().weight.shape[0])).known
    model.generation_config.eos_token_id = list(stops) or None
    model.eval()
    model.requires_grad_(False)
    blocks, prefix = find_blocks(model)
    files, unknown = match_names(model, checkpoint)
    compute_buffers(model, device)
    return Skeleton(model, blocks, prefix, files, device, unknown, dtype=dtype)


def loader_of(config: Any) -> Any:
    """What of transformers loads the model of a config: a language model, else one that also sees.

    Args:
        config: a transformers configuration.
    """
    from transformers import (
        MODEL_FOR_CAUSAL_LM_MAPPING,
        AutoModelForCausalLM,
        AutoModelForImageTextToText,
    )

    writes = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING
    return AutoModelForCausalLM if writes else AutoModelForImageTextToText


@contextmanager
def shapes_only(skeleton: Skeleton) -> Iterator[Skeleton]:
    """The same model where tensors have shapes and no values, to look at before reading a weight.

    Forwards run inside the context. torch's fake tensors are used and not the meta device: models
    ask whether they are being traced before they look at a mask's values.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode
    from transformers.initialization import no_init_weights

    config = deepcopy(skeleton.model.config)
    make: Any = loader_of(config).from_config
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        with no_init_weights():
            # Shapes do not show how many tokens an expert gets: all experts at once, here.
            model = make(config, experts_implementation="batched_mm").eval()
        blocks, prefix = find_blocks(model)
        device = torch.device("cpu")
        yield replace(skeleton, model=model, blocks=blocks, prefix=prefix, device=device)


def find_blocks(model: Any) -> tuple[nn.ModuleList, str]:
    """The decoder blocks of a model, with their dotted name.

    ``get_decoder().layers`` where there is one, else the only ``ModuleList`` that has as many
    members as the config has hidden layers.
    """
    layers = getattr(model.get_decoder(), "layers", None)
    count = getattr(model.config.get_text_config(), "num_hidden_layers", None)
    lists = {
        name: module for name, module in model.named_modules() if isinstance(module, nn.ModuleList)
    }
    found = [(module, name) for name, module in lists.items() if module is layers]
    if not found:
        found = [(module, name) for name, module in lists.items() if len(module) == count]
    if len(found) != 1 or len(found[0][0]) == 0:
        raise UnsupportedModelError(
            f"the decoder blocks of {type(model).__name__} can't be found",
            hint="models whose blocks are in one list work; please report this one",
            id="no-blocks",
        )
    return found[0]


def compute_buffers(model: Any, device: torch.device) -> None:
    """Compute what no file holds (rotary frequencies, scales), as from_pretrained does."""
    names = [name for name, _ in model.named_non_persistent_buffers()]
    owners = {name.rpartition(".")[0] for name in names}
    size = sum(buffer.nbytes for _, buffer in model.named_non_persistent_buffers())
    if size > MOST_BUFFERS:
        raise UnsupportedModelError(
            f"config.json asks for {in_bytes(size)} of tables that no file holds",
            hint="check its number of positions: it is more than this kind of model can have",
        )
    for name in names:
        _assign(model, name, torch.empty_like(model.get_buffer(name), device=device))
    for owner in sorted(owners):
        module = model.get_submodule(owner)
        model_of_module = _nearest_pretrained(model, owner)
        with torch.no_grad():
            model_of_module._init_weights(module)
    left = [name for name in names if model.get_buffer(name).is_meta]
    if left:
        raise ModelRepairError(f"{left[0]} was not computed", hint="please report this model")


def _nearest_pretrained(model: Any, name: str) -> Any:
    """The innermost transformers model around a module: its rules initialise the module."""
    parts = name.split(".")
    for end in range(len(parts), -1, -1):
        module = model.get_submodule(".".join(parts[:end]))
        if hasattr(module, "_init_weights"):
            return module
    return model


@contextmanager
def filled(
    module: nn.Module,
    files: Mapping[str, str | Made],
    read: ReadWeight,
    device: torch.device,
    ready: Ready | None = None,
) -> Iterator[None]:
    """Put real tensors where the meta ones are, and take them away again.

    Args:
        module: whose parameters and buffers are filled.
        files: their names in it → the tensors' names in the checkpoint, or what makes them.
        read: gives a tensor by its name in the checkpoint.
        device: where they are put.
        ready: what was read before; it is used up.
    """
    ready = {} if ready is None else ready
    loaded: Ready = {}
    before: dict[str, Tensor] = {}
    try:
        for name, file in files.items():
            before[name] = _find(module, name)
            key, target = _key(file)
            if key not in loaded:
                made = ready.pop(key) if key in ready else _made(key, read)
                loaded[key] = {each: _moved(tensor, device) for each, tensor in made.items()}
                del made
            _assign(module, name, loaded[key][target])
        loaded.clear()
        yield
    finally:
        for name, meta in before.items():
            _assign(module, name, meta)


def _key(file: str | Made) -> tuple[str | Conversion, str]:
    """What is read or made at once, and the name of the wanted tensor in it."""
    return (file.conversion, file.target) if isinstance(file, Made) else (file, file)


def _made(key: str | Conversion, read: ReadWeight) -> Mapping[str, Tensor]:
    return {key: read(key)} if isinstance(key, str) else key.convert(read)


def _moved(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor where it computes; a GPU copies from pinned memory in the order of its work."""
    return tensor.to(device, non_blocking=device.type == "cuda")


def _find(module: nn.Module, name: str) -> Tensor:
    owner, _, leaf = name.rpartition(".")
    tensor: Tensor = getattr(module.get_submodule(owner), leaf)
    return tensor


def _assign(module: nn.Module, name: str, tensor: Tensor) -> None:
    owner_name, _, leaf = name.rpartition(".")
    owner = module.get_submodule(owner_name)
    if leaf in owner._parameters:
        owner._parameters[leaf] = nn.Parameter(tensor, requires_grad=False)
    else:
        owner._buffers[leaf] = tensor


def _line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__
