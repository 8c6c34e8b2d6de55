"""Options that go with adapters alone, and those that never do, are refused."""

from __future__ import annotations

import pytest

from modelrepair.errors import UnsupportedModelError, UsageError
from modelrepair.pipeline.models import check_subject, find_base
from modelrepair.settings.settings import Settings
from modelrepair.source.adapter_config import read_adapter
from tests.support.adapters import save_named


@pytest.fixture
def adapter(tmp_path):
    save_named(tmp_path, "plain")
    return read_adapter(tmp_path / "adapter")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"base": "user/base"}, "--base was given, and the source is no adapter"),
        ({"merge": True}, "--merge was given, and the source is no adapter"),
        ({"subject": "factor"}, "a whole model: it has no factors"),
    ],
)
def test_a_whole_model_has_neither_base_nor_factors(options, said):
    with pytest.raises(UsageError, match=said):
        check_subject(Settings("user/model", **options), None)
    check_subject(Settings("user/model"), None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"subject": "delta"}, "factors and no delta of its own"),
        ({"subject": "weight"}, "factors and no weight of its own"),
        ({"subject": "factor", "merge": True}, "a merged adapter has no factors"),
    ],
)
def test_an_adapter_has_factors_until_it_is_merged(adapter, options, said):
    with pytest.raises(UsageError, match=said):
        check_subject(Settings("user/adapter", **options), adapter)
    check_subject(Settings("user/adapter"), adapter)
    check_subject(Settings("user/adapter", merge=True, subject="weight"), adapter)


def test_a_base_that_is_an_adapter_itself_is_refused(adapter, tmp_path):
    with pytest.raises(UnsupportedModelError, match="is an adapter itself"):
        find_base(str(tmp_path / "adapter"), adapter)
