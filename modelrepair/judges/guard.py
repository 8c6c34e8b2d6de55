"""The guard judge: a causal guard model, asked in its own form, and its answer read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from modelrepair.errors import PluginError, UnsupportedModelError, UsageError
from modelrepair.examples.thoughts import Thoughts, find_thoughts
from modelrepair.examples.turns import PROBE, as_sent, check_ends, template_text
from modelrepair.judges.guard_styles import STYLES, Style, decide
from modelrepair.judges.keyword import is_refusal
from modelrepair.judges.models import (
    configuration,
    find_judge,
    loaded,
    tokenizer_of,
    what_it_is,
    without_marks,
)
from modelrepair.judges.options import GuardOptions
from modelrepair.plugin.judge import Exchange
from modelrepair.plugin.names import Verdict
from modelrepair.progress import Progress

if TYPE_CHECKING:
    from modelrepair.evaluation.endpoint import Endpoint


def endpoint_of_judge(options: GuardOptions) -> Endpoint | None:
    """Where the guard model answers, if not here.

    >>> endpoint_of_judge(GuardOptions("org/guard", endpoint="http://h")).model
    'org/guard'

    Raises:
        UsageError: it is no address, or holds a secret.
    """
    from modelrepair.evaluation.endpoint import endpoint_of

    if options.endpoint is None:
        return None
    model = options.endpoint_model or options.model
    return endpoint_of(options.endpoint, model, options.batch, "--judge-endpoint")


def check_guideline(options: GuardOptions) -> None:
    """Refuse a style without its guideline, and a guideline that no style asks for.

    >>> check_guideline(GuardOptions("org/guard"))

    Raises:
        UsageError: it is so.
    """
    wants = options.style == "yes-no"
    if wants != (options.guideline is not None):
        raise UsageError(
            f"style {options.style} takes {'a' if wants else 'no'} guideline",
            hint="--judge-option guideline=… goes with --judge-option style=yes-no",
        )


def served_as(endpoint: Endpoint) -> dict[str, str]:
    """What a guard model's verdicts depend on that answers elsewhere, as far as the server says.

    Raises:
        EndpointError: it can't be reached, or refuses the key.
        UsageError: the package ``openai`` is not installed.
    """
    from modelrepair.evaluation.endpoint import client_of, look

    with client_of(endpoint) as client:
        engine, version, _ = look(client, endpoint)
    return {"model": endpoint.model, "engine": engine, "version": version}


class GuardJudge:
    """Lets a guard model answer about each answer.

    >>> from modelrepair.judges.options import GuardOptions
    >>> judge = GuardJudge(GuardOptions("org/guard", style="wildguard"))  # doctest: +SKIP
    >>> judge.inputs["commit"]  # doctest: +SKIP
    '0123456789abcdef0123456789abcdef01234567'

    Args:
        options: which model, and how it is asked.

    Raises:
        ModelRepairError: the model can't be had.
        UsageError: a guideline is missing, or not asked for.
    """

    name = "guard"

    def __init__(self, options: GuardOptions) -> None:
        check_guideline(options)
        self._options = options
        self._style = STYLES[options.style]
        self._endpoint = endpoint_of_judge(options)
        self._source = find_judge(options, weights=self._endpoint is None)
        self._asked = self._unread = self._cut = 0
        self.inputs = (
            what_it_is(self._source) if self._endpoint is None else served_as(self._endpoint)
        )

    @property
    def notes(self) -> list[str]:
        """How many verdicts could not be read, and how many texts not as a whole."""
        said = f"{self._unread} of {self._asked} verdicts of the guard judge could not be read"
        notes = [f"{said}: the phrases of the keyword judge decided"] if self._unread else []
        if self._cut:
            longer = "did not fit into the guard judge's context and were read in part"
            notes.append(f"{self._cut} of {self._asked} texts {longer}")
        return notes

    def judge(self, exchanges: Sequence[Exchange]) -> list[Verdict]:
        """One verdict for each exchange, in their order.

        Raises:
            PluginError: more verdicts than may be are unreadable.
        """
        if not exchanges:
            return []
        if self._endpoint is None:
            with loaded(self._source, self._options, "AutoModelForCausalLM") as parts:
                texts = self._answers(*parts, exchanges)
        else:
            texts = self._answers_of(self._endpoint, exchanges)
        said = [None if text is None else self._style.read(text) for text in texts]
        unread = said.count(None)
        if unread > self._options.unreadable * len(said):
            raise self._unreadable(unread, len(said), texts[said.index(None)])
        self._asked += len(said)
        self._unread += unread
        return [
            decide(each, exchange, phrases=is_refusal(exchange.answer))
            for each, exchange in zip(said, exchanges, strict=True)
        ]

    def _unreadable(self, count: int, asked: int, first: str | None) -> PluginError:
        problem = f"{count} of {asked} verdicts of the guard model can't be read, first"
        if first is None:
            return PluginError(
                f"{problem} a thought that never ended",
                hint="raise --judge-option max_thought_tokens=…",
            )
        return PluginError(
            f"{problem} {first[:60]!r}",
            hint=f"is {self._options.style} the form that it was taught? see "
            "--judge-option style=…",
        )

    def _answers(
        self, model: Any, tokenizer: Any, exchanges: Sequence[Exchange]
    ) -> list[str | None]:
        """What the guard says behind its thoughts; None where one never ends."""
        from modelrepair.engine.positions import reach_of
        from modelrepair.evaluation.generation import end_ids, generate
        from modelrepair.evaluation.thinking import room_of

        context = reach_of(model)
        form = self._form(tokenizer, context, exchanges)
        answers = generate(
            model,
            form,
            exchanges,
            eos_ids=end_ids(model, tokenizer),
            pad_id=0 if tokenizer.pad_token_id is None else tokenizer.pad_token_id,
            batch_rows=self._options.batch,
            thinking=room_of(form, self._style.tokens, form.thought_tokens),
            context=context,
        )
        return [None if answer.unfinished_thought else answer.text for answer in answers]

    def _answers_of(self, endpoint: Endpoint, exchanges: Sequence[Exchange]) -> list[str | None]:
        """The same by a server: it is asked in the guard's own form, rendered here."""
        from modelrepair.engine.positions import context_of
        from modelrepair.evaluation.endpoint import Asked
        from modelrepair.evaluation.remote import ask_all

        tokenizer = tokenizer_of(self._source)
        form = self._form(tokenizer, context_of(configuration(self._source)), exchanges)
        thought = self._style.tokens + form.thought_tokens
        most = thought if form.thoughts.marks else self._style.tokens
        asked = [
            Asked(as_sent(tokenizer, form.question(each)), (), most, with_thought=thought)
            for each in exchanges
        ]
        replies, _ = ask_all(endpoint, asked, ["completions"], Progress())
        return [form.said(each.text, thought=bool(each.thought)) for each in replies]

    def _form(self, tokenizer: Any, context: int | None, exchanges: Sequence[Exchange]) -> Form:
        """What puts the exchanges to the guard, its template tried before it is rendered here."""
        if self._style.format is None and tokenizer.chat_template:
            check_ends(tokenizer, template_text(tokenizer))
        form = Form(tokenizer, self._style, self._options, context)
        self._cut += sum(not form.fits(exchange) for exchange in exchanges)
        return form


@dataclass(frozen=True)
class Form:
    """Puts exchanges to a guard model, as tokens, and reads its tokens as text.

    Args:
        tokenizer: the guard model's.
        style: how it is asked.
        options: how much of prompt and answer is read, and the guideline.
        context: how many tokens the guard model reads at once; None where that has no end.
    """

    tokenizer: Any
    style: Style
    options: GuardOptions
    context: int | None = None

    def prompt_ids(self, exchange: Exchange) -> list[int]:
        """The tokens that the guard model is to continue with its verdict.

        Raises:
            UnsupportedModelError: its chat template does not take prompt and answer.
        """
        return self._tokens(self.question(exchange))

    def question(self, exchange: Exchange) -> str:
        """The same as text, with as much of prompt and answer as the context holds.

        Raises:
            UnsupportedModelError: as `prompt_ids`.
        """
        limit = self.options.max_length
        text = self._asked(exchange, limit)
        while self._too_long(ids := self._tokens(text)) and limit > 1:
            limit = min(limit, len(ids)) // 2
            text = self._asked(exchange, limit)
        return text

    def said(self, text: str, *, thought: bool) -> str | None:
        """What of a server's text is the verdict; None where a thought before it never ends.

        Args:
            text: as it came.
            thought: whether the server parted a thought from it.
        """
        parted = self.thoughts.part(text)
        if thought or parted.unfinished is None:
            return self.bare(text)
        return None if parted.unfinished else self.bare(parted.answer)

    def fits(self, exchange: Exchange) -> bool:
        """Whether the guard model's context holds all that it is to read, and its verdict."""
        return not self._too_long(self._tokens(self._asked(exchange, self.options.max_length)))

    def _too_long(self, ids: Sequence[int]) -> bool:
        said = self.style.tokens + bool(self.thoughts.marks) * self.thought_tokens
        return self.context is not None and len(ids) + said > self.context

    def _asked(self, exchange: Exchange, limit: int) -> str:
        return self._text(self._cut(exchange.prompt, limit), self._cut(exchange.answer, limit))

    def _tokens(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False, verbose=False).input_ids)

    @cached_property
    def thoughts(self) -> Thoughts:
        """How the guard model marks its thoughts, and whether its question has opened one."""
        tokens = map(str, self.tokenizer.added_tokens_decoder.values())
        found = find_thoughts([str(self.tokenizer.chat_template), *tokens])
        asked = self._text("Hello", PROBE)
        opened = found.open_at_end(asked[asked.rfind(PROBE) + len(PROBE) :])
        return replace(found, opened=opened)

    @property
    def thought_tokens(self) -> int:
        """How long a thought may be: most of the context is for what is to be judged."""
        most = self.options.max_thought_tokens
        return most if self.context is None else min(most, self.context // 2)

    def decode(self, ids: Sequence[int], *, special: bool = False) -> str:
        """The text of a verdict; with ``special`` its special tokens are shown."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=not special))

    def bare(self, text: str) -> str:
        """A text without the special tokens in it."""
        for mark in sorted(self.tokenizer.all_special_tokens, key=len, reverse=True):
            text = text.replace(mark, "")
        return text

    def _text(self, prompt: str, answer: str) -> str:
        if self.style.format is not None:
            return self.style.format.format(prompt=prompt, answer=answer)
        return self._rendered(prompt, answer)

    def _rendered(self, prompt: str, answer: str) -> str:
        turns = (("user", prompt), ("assistant", answer))
        settings = {} if self.options.guideline is None else {"guideline": self.options.guideline}
        problem = "leaves prompt or answer out"
        # Some guard models take a list of parts, as models that see pictures do.
        for content in (lambda text: text, lambda text: [{"type": "text", "text": text}]):
            messages = [{"role": role, "content": content(text)} for role, text in turns]
            try:
                text = self.tokenizer.apply_chat_template(
                    messages, tokenize=False, add_generation_prompt=True, **settings
                )
            except Exception as error:  # a template is a stranger's program
                problem = f"fails: {' '.join(str(error).split())[:160]}"
                continue
            wanted = (prompt.strip(), answer.strip(), self.options.guideline or "")
            if all(part in text for part in wanted):
                return str(text)
        raise UnsupportedModelError(
            f"the guard model's chat template {problem}",
            hint="a guard model brings a chat template that takes a user's and an assistant's "
            "turn; WildGuard needs --judge-option style=wildguard",
        )

    def _cut(self, text: str, limit: int) -> str:
        text = without_marks(text, self.tokenizer)
        ids = self.tokenizer(text, add_special_tokens=False, verbose=False).input_ids
        return text if len(ids) <= limit else self.decode(ids[:limit])
