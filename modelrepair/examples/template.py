"""The chat template: from an example to tokens, with the answer's tokens known exactly."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from modelrepair.errors import ExampleSetError, UnsupportedModelError
from modelrepair.examples.example import Example, Message
from modelrepair.examples.thoughts import find_thoughts
from modelrepair.examples.turns import (
    PROBE,
    Places,
    as_sent,
    check_ends,
    places_of,
    plain,
    render,
    shared,
    template_text,
    turn_start,
)
from modelrepair.plugin.repairer import TokenizedExample

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Tokenized:
    """What became of a part of a set: its tokens, and what did not fit.

    Args:
        examples: in the order given.
        cut: how many examples lost the end of their answer.
        dropped: how many had no room for an answer at all.
    """

    examples: tuple[TokenizedExample, ...]
    cut: int
    dropped: int


KEPT = 4096
"""Examples whose texts and tokens a template keeps: more than the sets of a run hold."""


class Template:
    """Renders examples as the model was taught to read them.

    >>> template = Template(tokenizer)                                       # doctest: +SKIP
    >>> pair = template.pair(Example((Message("user", "Hello"),), "Hi!"))    # doctest: +SKIP
    >>> template.decode(pair.ids[pair.answer_start:])                        # doctest: +SKIP
    'Hi!'

    A template that would think before it answers is asked not to (``enable_thinking=False``).
    Where it has a thought all the same, a pair has an empty one before its answer. The thought of
    an example is part of what is learnt and scored, as the model has to write it itself. A model
    that is to answer gets the prompt as everybody would give it.

    Args:
        tokenizer: with a chat template, or without: then prompts are plain instructions.
        max_length: in tokens; longer answers are cut at their end.
        vocabulary: how many tokens the model's embedding has; None where no model will read them.
        context: how many tokens the model can read at once; None where that has no end.
        marks: more marks of thoughts, see `modelrepair.examples.thoughts.parse_marks`.

    Raises:
        UnsupportedModelError: the chat template can't render a question with its answer, or the
            tokenizer gives tokens that the model does not have.
        ExampleSetError: not even "Hello" leaves room for an answer within ``max_length``.
    """

    kind: Literal["chat", "plain"]

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        max_length: int = 1024,
        vocabulary: int | None = None,
        context: int | None = None,
        marks: Sequence[str] = (),
    ) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length if context is None else min(max_length, context)
        self.vocabulary = vocabulary
        self.context = context
        self.marks = tuple(marks)
        self.kind = "chat" if tokenizer.chat_template else "plain"
        added = {str(token) for token in tokenizer.added_tokens_decoder.values()}
        self._mark = _any_of(added | set(tokenizer.all_special_tokens))
        empty = list(tokenizer("").input_ids)
        bos = tokenizer.bos_token_id
        # A chat template renders the first token itself; plain text leaves it to the tokenizer.
        self._lead = [bos] if self.kind == "plain" and bos is not None and bos in empty[:1] else []
        self.source = template_text(tokenizer) if self.kind == "chat" else ""
        # An example is used many times: to fit it, to count it, to screen each candidate with it.
        self._places = lru_cache(maxsize=KEPT)(self._find_places)
        self._tokens_before = lru_cache(maxsize=KEPT)(self._encode)
        self._pairs = lru_cache(maxsize=KEPT)(self._make_pair)
        self._prompts = lru_cache(maxsize=KEPT)(self._make_prompt)
        if self.kind == "chat":
            check_ends(tokenizer, self.source)
        self._special = _any_of(map(str, tokenizer.all_special_tokens))
        tokens = sorted({*added, *tokenizer.all_special_tokens})
        self.thoughts = find_thoughts([self.source, *tokens], marks)
        hello = Example((Message("user", "Hello"),), PROBE)
        try:
            probe = self.pair(hello)
        except NoRoomError:
            raise
        except ExampleSetError as error:
            raise self._unusable(error) from error
        last = probe.ids[-1]
        ends = {last} if last in tokenizer.added_tokens_decoder else set()
        if tokenizer.eos_token_id is not None:
            ends.add(tokenizer.eos_token_id)
        self.end_ids: tuple[int, ...] = tuple(sorted(ends))
        asked = self._places(hello.messages).asked
        opened = self.thoughts.open_at_end(asked[turn_start(hello, asked) :])
        self.thoughts = replace(self.thoughts, opened=opened)

    def _unusable(self, error: ExampleSetError) -> UnsupportedModelError:
        if self.kind == "plain":
            return UnsupportedModelError(
                f"there is no chat template, and plain instructions can't be used: {error}",
                hint="add the chat template that the model was trained with",
                id="no-chat-template",
            )
        return UnsupportedModelError(
            f"the chat template can't be used: {error}",
            hint=f"repair the chat template first; {error.hint}",
            id="chat-template-fails",
        )

    @property
    def pad_id(self) -> int:
        """What pads: never attended to, and so any token that the embedding has."""
        pad = self.tokenizer.pad_token_id
        return 0 if pad is None or not self._knows(pad) else int(pad)

    def leaves_out_system(self, example: Example) -> bool:
        """Whether a system prompt of the example is nowhere in what the model reads.

        Raises:
            ExampleSetError: the template does not take these messages.
        """
        said = [turn.content for turn in example.messages if turn.role == "system"]
        text = _folded(self._places(example.messages).before) if said else ""
        return any(_folded(each) not in text for each in said)

    def prompt_ids(self, example: Example) -> list[int]:
        """The tokens before an answer, an empty thought among them where the template has one.

        Raises:
            ExampleSetError: the template does not take these messages.
        """
        return list(self._tokens_before(self._places(example.messages).prompt))

    def asked_ids(self, example: Example) -> list[int]:
        """The tokens that a model is to continue; it may think first.

        Raises:
            ExampleSetError: the template does not take these messages.
        """
        return list(self._tokens_before(self._places(example.messages).asked))

    def asked_text(self, example: Example) -> str:
        """The text of these tokens, as one that tokenizes it again is to be given it.

        Raises:
            ExampleSetError: the template does not take these messages.
        """
        return as_sent(self.tokenizer, self._places(example.messages).asked)

    def has_room(self, example: Example) -> bool:
        """Whether the model's context holds the prompt with a token of an answer at least.

        Raises:
            ExampleSetError: the template does not take these messages.
        """
        return self.context is None or len(self.asked_ids(example)) < self.context

    def prompt(self, example: Example) -> TokenizedExample:
        """The prompt alone, as an example whose answer has no tokens.

        Raises:
            ExampleSetError: it is longer than ``max_length``, or the template does not take it.
        """
        return self._prompts(example)

    def _make_prompt(self, example: Example) -> TokenizedExample:
        ids = self.prompt_ids(example)
        self._check_room(len(ids))
        return TokenizedExample(tuple(ids), len(ids), example.digest)

    def pair(self, example: Example, response: str | None = None) -> TokenizedExample:
        """The prompt with its answer, up to and including the token that ends the turn.

        The example's own thought, where it has one, stands before the answer and counts as part
        of it.

        Args:
            example: the prompt, and the answer unless another is given.
            response: an answer in its place.

        Raises:
            ExampleSetError: there is no answer, no room for it within ``max_length``, or the
                template changes it so that its tokens can't be found.
        """
        if response is not None:
            example = replace(example, response=response, thought=None)
        return self._pairs(example)

    def _make_pair(self, example: Example) -> TokenizedExample:
        if example.response is None:
            raise ExampleSetError(
                f"no answer to {_excerpt(example)}",
                hint="this set needs answers",
                id="set-without-answers",
            )
        places = self._places(example.messages)
        prompt = self._thought_through(example, places)
        answer = self._answer_text(example, places.before)
        prompt_ids = self._tokens_before(prompt)
        ids, start = self._join(prompt, prompt_ids, answer)
        self._check_round_trip(example, ids[start:], answer)
        if self.kind == "plain" and self.tokenizer.eos_token_id is not None:
            ids = (*ids, self.tokenizer.eos_token_id)
            self._check_known(ids)
        if example.thought is not None and self.thoughts.marks:
            # The model writes the thought before the answer: both are learnt and scored.
            start = min(start, shared(self.asked_ids(example), ids))
        self._check_room(start)
        kept = ids[: self.max_length]
        return TokenizedExample(kept, start, example.digest, len(ids) - len(kept))

    def pairs(self, examples: Iterable[Example]) -> Tokenized:
        """All pairs that fit; an example whose prompt leaves no room is dropped and counted."""
        return _all(self.pair, examples)

    def prompts(self, examples: Iterable[Example]) -> Tokenized:
        """All prompts that fit, without answers."""
        return _all(self.prompt, examples)

    def examples(self, examples: Iterable[Example]) -> Tokenized:
        """What a scorer sees: the pairs; of a set that has no answers at all, the prompts."""
        everything = list(examples)
        answered = [example for example in everything if example.response is not None]
        return self.pairs(answered) if answered else self.prompts(everything)

    def decode(self, ids: Sequence[int], *, special: bool = False) -> str:
        """The text of an answer; with ``special`` its special tokens are shown."""
        text = self.tokenizer.decode(
            list(ids), skip_special_tokens=not special, clean_up_tokenization_spaces=False
        )
        return str(text)

    def bare(self, text: str) -> str:
        """A text without the special tokens in it."""
        return text if self._special is None else self._special.sub("", text)

    def _encode(self, text: str) -> tuple[int, ...]:
        ids = self.tokenizer(text, add_special_tokens=False, verbose=False).input_ids
        self._check_known(ids := (*self._lead, *ids))
        return ids

    def _knows(self, token: int) -> bool:
        return self.vocabulary is None or token < self.vocabulary

    def _check_known(self, ids: Sequence[int]) -> None:
        """Refuse a token that would be looked up behind the embedding's end."""
        highest = max(ids, default=0)
        if not self._knows(highest):
            raise UnsupportedModelError(
                f"the tokenizer gives the token {highest}, and the model's embedding has "
                f"{self.vocabulary}",
                hint="tokenizer and weights are of different models, or the embedding was never "
                "resized: take the tokenizer's files that belong to the weights",
                id="tokenizer-too-large",
            )

    def _join(
        self, prompt: str, prompt_ids: tuple[int, ...], answer: str
    ) -> tuple[tuple[int, ...], int]:
        """The tokens of prompt and answer, and where the answer's begin."""
        whole = self._encode(prompt + answer)
        start = shared(prompt_ids, whole)
        if start == len(prompt_ids):
            return whole, start
        # Read at once, the text has a token over the border. A model that answers this prompt
        # writes no such token: put the two side by side, unless the text becomes another one.
        joined = prompt_ids + self._encode(answer)[len(self._lead) :]
        if self.decode(joined, special=True) == self.decode(whole, special=True):
            return joined, len(prompt_ids)
        # Then what holds the prompt's end and the answer's beginning belongs to the answer.
        return whole, start

    def _find_places(self, messages: tuple[Message, ...]) -> Places:
        if self.kind == "plain":
            text = plain(messages)
            return Places(text, text, text)
        opened, answered = (self._render(messages, answer) for answer in (None, PROBE))
        return places_of(opened, answered, self.thoughts)

    def _render(self, messages: tuple[Message, ...], response: str | None) -> str:
        return render(self.tokenizer, self.source, messages, response)

    def _thought_through(self, example: Example, places: Places) -> str:
        """What stands before the answer: the example's own thought, or an empty one."""
        if example.thought is None:
            return places.prompt
        start = turn_start(example, places.prompt)
        closed = self.thoughts.closing(places.prompt, start) is not None
        prompt = places.asked if self.thoughts.opened and not closed else places.prompt
        return self.thoughts.written(prompt, example.thought, start) or prompt

    def _answer_text(self, example: Example, prompt: str) -> str:
        """What follows the prompt: the answer, and what ends the turn."""
        response = example.response or ""
        if self.kind == "plain":
            return response
        whole = self._render(example.messages, response)
        answer = whole[len(prompt) :]
        found = len(answer) - len(answer.lstrip())
        if not whole.startswith(prompt) or not answer.startswith(response.strip(), found):
            raise ExampleSetError(
                f"the chat template changes the answer to {_excerpt(example)}",
                hint="leave this example out, or rewrite its answer without markup",
            )
        end = found + len(response.strip())
        mark = self._mark.search(answer, end) if self._mark else None
        return answer[: mark.end()] if mark else answer.rstrip()

    def _check_round_trip(self, example: Example, ids: Sequence[int], answer: str) -> None:
        if self.tokenizer.unk_token_id in ids:
            return  # the model has no token for some character: nothing could bring it back
        if not _folded(self.decode(ids, special=True)).endswith(_folded(answer)):
            raise ExampleSetError(
                f"the tokenizer does not give back the answer to {_excerpt(example)}",
                hint="leave this example out, or check the model's tokenizer",
            )

    def _check_room(self, length: int) -> None:
        if length >= self.max_length:
            raise NoRoomError(
                f"a prompt of {length} tokens leaves no room for an answer in {self.max_length}",
                hint="raise --max-length",
            )


class NoRoomError(ExampleSetError):
    """A prompt that is as long as ``max_length`` or longer."""


def _all(tokenize: Any, examples: Iterable[Example]) -> Tokenized:
    made: list[TokenizedExample] = []
    dropped = 0
    for example in examples:
        try:
            made.append(tokenize(example))
        except NoRoomError:
            dropped += 1
    return Tokenized(tuple(made), sum(one.cut > 0 for one in made), dropped)


def _any_of(texts: Iterable[str]) -> re.Pattern[str] | None:
    """Finds any of these texts, the longest first."""
    longest_first = sorted(texts, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def _excerpt(example: Example) -> str:
    """The example by its digest: its text may be harmful and does not belong in a log."""
    return f"example {example.digest[:12]}"


def _folded(text: str) -> str:
    """Without what tokenizers may normalise away: case, compatibility forms, white space."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
