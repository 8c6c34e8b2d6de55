"""The test Hub refuses the front matter that the Hub refuses."""

from __future__ import annotations

import pytest
from huggingface_hub import HfApi, ModelCard

from tests.support.hub.cards import errors

INDEX = """model-index:
- name: m
  results:
  - task: {type: text-generation}
    dataset: {name: d, type: d.jsonl}
    metrics: [{type: x, value: 0.5}]
"""


@pytest.mark.parametrize(
    ("front", "said"),
    [
        ("license: mit", None),
        ("license: mitt", "license"),
        ("license: other", "license_name"),
        ("license: other\nlicense_name: mine\nlicense_link: LICENSE", None),
        ("license: other\nlicense_name: My Own", "license_name"),
        ("license_link: /home/me/x", "license_link"),
        ("base_model: /home/me/base", "base_model"),
        ("base_model: user/base\nbase_model_relation: repaired", "base_model_relation"),
        ("language: English", "language"),
        ("tags: [1]", "tags"),
        ("a: [", "YAML"),
        ("- a", "mapping"),
        (INDEX, None),
        (INDEX.replace("name: m", "title: m"), "name"),
        (INDEX.replace("value: 0.5", "worth: 0.5"), "value"),
        (INDEX.replace("type: d.jsonl", "type: my sets"), "dataset id"),
        ("model-index: 3", "array"),
    ],
)
def test_front_matter(front, said):
    found = errors(f"---\n{front}\n---\ntext\n")
    assert bool(found) == bool(said)
    assert said is None or said in found[0]


def test_the_client_asks_and_reports(hub):
    HfApi()
    ModelCard("---\nlicense: mit\n---\n").validate()
    with pytest.raises(ValueError, match="license"):
        ModelCard("---\nlicense: mitt\n---\n", ignore_metadata_errors=True).validate()
