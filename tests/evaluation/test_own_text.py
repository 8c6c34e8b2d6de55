"""The package's own text: what it is, and how a tokenizer reads it."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from modelrepair.demo import paths
from modelrepair.evaluation.own_text import TOKENS, as_read, own_text
from modelrepair.examples.template import Template
from tests.support.own_sets import rows, runs
from tests.support.panels import panel_of


@pytest.fixture(scope="module")
def english():
    """A tokenizer that learnt its words from this very text, and one beginning of text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=1500, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet,
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(own_text(), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")


def test_the_text():
    assert len(own_text()) == len(set(own_text())) == 28
    assert all(50 <= len(passage.split()) <= 80 for passage in own_text())
    assert all(passage.isascii() and "\n" not in passage for passage in own_text())


def test_no_set_of_the_package_holds_a_part_of_it():
    held = {
        run
        for name in ("plain", "borderline")
        for row in rows(name)
        for text in (row["prompt"], row["response"])
        for run in runs(text, 6)
    }
    assert not {run for passage in own_text() for run in runs(passage, 6)} & held


def test_a_tokenizer_of_its_language(english):
    read = as_read(Template(english))
    assert len(read.passages) == 28 and read.spelled < 0.3
    assert read.tokens == sum(len(each.ids) - 1 for each in read.passages)
    assert TOKENS / 2 < read.tokens < 2 * TOKENS
    assert english.decode(read.passages[0].ids) == own_text()[0]


def test_the_first_token_is_the_tokenizers_own(english):
    plain = as_read(Template(english))
    english.backend_tokenizer.post_processor = None
    from tokenizers.processors import TemplateProcessing

    english.backend_tokenizer.post_processor = TemplateProcessing("<s> $A", None, [("<s>", 0)])
    opened = as_read(Template(english))
    english.backend_tokenizer.post_processor = TemplateProcessing("$A", None, [])
    assert [each.ids[1:] for each in opened.passages] == [each.ids for each in plain.passages]
    assert opened.tokens == plain.tokens + 28  # what the first word costs is known, too


def test_passages_are_cut_to_what_a_model_reads(english):
    read = as_read(Template(english, max_length=40))
    assert {len(each.ids) for each in read.passages} == {40}


def test_tokens_that_the_model_lacks(english):
    template = Template(english)
    template.vocabulary = 300
    assert as_read(template).passages == ()


@pytest.mark.parametrize("folder", [paths.reference, None], ids=["words", "bytes"])
def test_a_tokenizer_that_spells_leaves_it_out(folder):
    template = (
        panel_of("chatml", ["?"]).template
        if folder is None
        else Template(AutoTokenizer.from_pretrained(folder))
    )
    read = as_read(template)
    assert read.passages == () and read.spelled > 0.7
