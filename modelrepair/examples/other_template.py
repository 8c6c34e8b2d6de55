"""Another chat template for the same model: from a jinja file, or another model's tokenizer."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from modelrepair.errors import ExampleSetError, UnsupportedModelError, UsageError, kind_and_message
from modelrepair.examples.example import Example
from modelrepair.examples.template import Template
from modelrepair.examples.turns import template_text
from modelrepair.source.address import is_address
from modelrepair.source.resolve import resolve
from modelrepair.text.readable import readable_path
from modelrepair.text.typed_paths import from_home

FILES = (".jinja", ".jinja2", ".j2", ".txt")


@dataclass(frozen=True)
class OtherTemplate:
    """A chat template with the name that a report shows.

    Args:
        name: a file's or folder's name, or an id on the Hub.
        text: the template; empty for plain instructions.
    """

    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Which template this is."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def of(self, template: Template) -> Template:
        """A model's own tokenizer with this chat template in the place of its own.

        Raises:
            UnsupportedModelError: it can't render a question with its answer.
        """
        tokenizer = copy.copy(template.tokenizer)
        tokenizer.chat_template = self.text or None
        try:
            return Template(
                tokenizer,
                template.max_length,
                template.vocabulary,
                template.context,
                template.marks,
            )
        except UnsupportedModelError as error:
            raise UnsupportedModelError(f"template {self.name}: {error}", hint=error.hint) from None


def read_template(text: str) -> OtherTemplate:
    """The chat template in a jinja file, or of a model in a folder or on the Hub.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mine.jinja"
    >>> _ = path.write_text("{{ messages[0].content }}")
    >>> read_template(str(path)).name
    'mine.jinja'

    Args:
        text: a file that ends in .jinja, .jinja2, .j2 or .txt; else a folder or an id.

    Raises:
        UsageError: there is no such file.
        ModelRepairError: the model can't be had, or has no tokenizer.
    """
    path = from_home(text)
    if path.is_file() or (path.suffix in FILES and not is_address(text)):
        try:
            return OtherTemplate(path.name, path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise UsageError(
                f"the chat template {path.name} can't be read: {reason}",
                hint="give a jinja file, or a model whose chat template is taken",
            ) from None
    found = resolve(text, weights=False)
    return template_of(found.folder, found.id or found.name)


def template_of(folder: Path, name: str) -> OtherTemplate:
    """The chat template of the tokenizer in a folder.

    Raises:
        UnsupportedModelError: there is no tokenizer.
    """
    from transformers import AutoTokenizer

    try:
        with readable_path(folder) as path:
            tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    except Exception as error:
        line = kind_and_message(error, 200)
        raise UnsupportedModelError(
            f"the tokenizer of {name} can't be loaded: {line}",
            hint="give a jinja file, or a model with its tokenizer",
        ) from error
    return OtherTemplate(name, template_text(tokenizer) if tokenizer.chat_template else "")


def check_renders(template: Template, name: str, examples: Iterable[Example]) -> None:
    """Render every example, before hours are spent on a template that refuses some.

    Raises:
        ExampleSetError: it does not take one of them.
    """
    try:
        for example in examples:
            template.prompt_ids(example)
            if example.response is not None:
                template.pairs([example])
    except ExampleSetError as error:
        raise ExampleSetError(f"template {name}: {error}", hint=error.hint) from None
