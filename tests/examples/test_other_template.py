"""Another chat template for the same model: from a jinja file, or another model's tokenizer."""

from __future__ import annotations

from modelrepair.demo import paths
from modelrepair.examples.other_template import read_template
from tests.support.hub.repaired import files_of


def test_a_chat_template_of_an_address(hub):
    hub.add("org/other", files_of(paths.reference))
    assert read_template("hf.co/org/other/blob/main/chat_template.jinja").name == "org/other"
