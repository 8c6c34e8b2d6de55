"""One entry point, loaded and asked: what its author got wrong is said in words."""

from __future__ import annotations

import sys
import warnings
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from modelrepair.cli.main import run
from modelrepair.plugin import InterfaceDeprecation, hookspecs
from modelrepair.plugin.hooks import (
    HOOKS,
    SLOW,
    HookError,
    ask,
    deprecations,
    failure_line,
    place_of,
)
from modelrepair.plugin.registry import load_registry, make_scorer

HEAD = "from modelrepair.plugin import JudgeSpec, ScorerSpec, hookimpl\n"
SCORERS = (
    HEAD
    + """
def sets(options, subject_kind):
    return {}

@hookimpl
def modelrepair_scorers():
    yield ScorerSpec("mine", "s", load="x:Y", sets=sets)
"""
)


@pytest.fixture
def asked(site):
    def ask_code(code: str, value: str = ""):
        (site / "a_plug_in.py").write_text(code)
        return ask(EntryPoint("point", f"a_plug_in{value}", "modelrepair"))

    return ask_code


def test_every_hook_is_asked_that_a_plug_in_has(asked):
    found = asked(SCORERS)
    assert found.hooks == ("modelrepair_scorers",)
    assert [spec.name for spec in found.offered["modelrepair_scorers"]] == ["mine"]
    assert (found.problems, found.remarks) == ((), ())
    assert 0 < found.seconds < SLOW * 10


def test_an_object_may_hold_the_hooks(asked):
    code = HEAD + (
        "class Plugin:\n    @hookimpl\n    def modelrepair_judges(self, extra=None):\n"
        "        return [JudgeSpec('mine', 's', load='x:Y')]\nplugin = Plugin()\n"
    )
    assert asked(code, ":plugin").hooks == ("modelrepair_judges",)


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("def {hook}(): return []", "'{hook}' lacks the marker @hookimpl"),
        ("def {typed}(): return []",
         "'{typed}' lacks the marker @hookimpl, and the hook is called '{hook}'"),
        ("@hookimpl\ndef {typed}(): return []",
         "there is no hook '{typed}'; did you mean '{hook}'?"),
        ("@hookimpl\ndef {hook}(context): return []",
         "'{hook}' asks for the argument 'context': this hook takes no arguments"),
        ("@hookimpl\ndef {hook}(*, context=None): return []",
         "'{hook}' takes 'context' by keyword only, which no hook is called with"),
    ],
    ids=["forgotten", "forgotten and misspelt", "misspelt", "argument", "keyword-only"],
)  # fmt: skip
def test_a_hook_that_is_never_called_is_named(asked, hook, written, said):
    typed = hook.removesuffix("s")
    with pytest.raises(HookError) as caught:
        asked(HEAD + written.format(hook=hook, typed=typed))
    assert failure_line(caught.value) == said.format(hook=hook, typed=typed)


def test_a_module_without_hooks_is_shown_what_there_is(asked):
    with pytest.raises(HookError, match="no hook of modelrepair; there are: modelrepair_scorers"):
        asked("def modelrepair_version(): return 1\n")


FORGOTTEN = SCORERS + "def modelrepair_judges():\n    return []\n"
EMPTY = SCORERS + "@hookimpl\ndef modelrepair_judges():\n    JudgeSpec('a', 's', load='x:Y')\n"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (FORGOTTEN, "'modelrepair_judges' lacks the marker @hookimpl"),
        (EMPTY, "modelrepair_judges returned None: return or yield what the plug-in offers"),
    ],
)
def test_one_hook_that_is_wrong_leaves_the_others(install, code, said):
    install("half-scorer", code, version="0.2", entry_point="half")
    registry = load_registry()
    assert registry.scorer("mine").distribution == "half-scorer"
    (failure,) = registry.failures
    assert str(failure) == f"half-scorer 0.2 (half): {said}"


def test_a_slow_import_is_named_with_its_time(install, capsys):
    install("slow-scorer", "import time; time.sleep(0.25)\n" + SCORERS, entry_point="slow")
    (plugin,) = [each for each in load_registry().plugins if each.distribution == "slow-scorer"]
    assert plugin.status == "active" and plugin.seconds > 0.25
    assert len(plugin.remarks) == 1
    assert plugin.remarks[0].startswith("takes 0.") and "of the 0.2 s" in plugin.remarks[0]
    del sys.modules["slow_scorer"]
    assert run(["scorers", "list"]) == 0
    said = capsys.readouterr().err
    assert "Warning: plug-in slow-scorer 1.0 (slow): takes 0." in said


def test_our_own_modules_are_never_called_slow(monkeypatch):
    monkeypatch.setattr("modelrepair.plugin.hooks.SLOW", 0.0)
    remarks = {each.distribution: each.remarks for each in load_registry().plugins}
    assert remarks.pop("modelrepair") == ()
    assert all(remarks.values())


def test_where_a_plug_in_lies(install, site):
    install("fine-scorer", SCORERS)
    install("failed-scorer", "1 / 0")
    places = {each.distribution: each.path for each in load_registry().plugins}
    assert places["fine-scorer"] == str(site / "fine_scorer.py")
    assert places["failed-scorer"] == str(site), "its module is gone"
    assert Path(places["modelrepair"]).name == "builtin.py"
    assert place_of(EntryPoint("point", "nowhere_at_all", "modelrepair")) is None


def deprecate(monkeypatch, hook, **what):
    """A hook as a later version of the interface would deprecate it."""
    for key, value in what.items():
        monkeypatch.setitem(getattr(hookspecs, hook).modelrepair_spec, key, value)


WARNED = "modelrepair_scorers becomes modelrepair_scoring in 2.0: see docs/plugin-api.md"


def test_a_deprecated_hook_is_a_warning_that_users_see(install, monkeypatch, capsys):
    """pytest's `path` was removed after a deprecation that Python's filters had hidden."""
    install("old-scorer", SCORERS, entry_point="old")
    warned = InterfaceDeprecation(WARNED)
    deprecate(monkeypatch, "modelrepair_scorers", warn_on_impl=warned)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        registry = load_registry()
        assert registry.scorer("mine")
        assert f"plug-in old-scorer 1.0 (old): {WARNED}" in registry.remarks
        assert not any(each.startswith("plug-in modelrepair ") for each in registry.remarks)
        assert run(["plugins", "list", "--json"]) == 0
        assert WARNED in capsys.readouterr().out
        assert run(["scorers", "list"]) == 0
        assert f"Warning: plug-in old-scorer 1.0 (old): {WARNED}\n" in capsys.readouterr().err


def test_a_deprecated_argument_is_a_warning_for_those_that_take_it(install, monkeypatch):
    @hookspecs.hookspec(warn_on_impl_args={"kind": InterfaceDeprecation("kind goes in 2.0")})
    def modelrepair_judges(kind):
        raise NotImplementedError

    monkeypatch.setattr(hookspecs, "modelrepair_judges", modelrepair_judges)
    for name, arguments in (("taking", "kind"), ("plain", "")):
        offered = f"@hookimpl\ndef modelrepair_judges({arguments}): return []\n"
        install(f"{name}-judge", HEAD + offered)
    # No hook has an argument yet: the host gives none, and the call fails after the warning.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load_registry()
    warned = [each for each in caught if "kind goes in 2.0" in str(each.message)]
    assert [Path(each.filename).stem for each in warned] == ["taking_judge"]


def test_an_author_can_make_deprecations_errors(install, monkeypatch):
    install("old-scorer", SCORERS)
    warned = InterfaceDeprecation(WARNED)
    deprecate(monkeypatch, "modelrepair_scorers", warn_on_impl=warned)
    with warnings.catch_warnings():
        warnings.simplefilter("error", InterfaceDeprecation)
        failures = load_registry().failures
    assert f"InterfaceDeprecation: {WARNED}" in [each.error for each in failures]


def test_other_warnings_pass_as_they_are():
    with pytest.warns(UserWarning, match="of another"), deprecations() as lines:
        warnings.warn("of another", UserWarning, stacklevel=1)
    assert lines == []


def test_what_a_scorer_uses_when_it_is_made_is_shown_too(install):
    code = SCORERS.replace("x:Y", "late_scorer:Mine") + (
        "import warnings\nfrom modelrepair.plugin import InterfaceDeprecation\n"
        "class Mine:\n    needs, score = {}, None\n    def __init__(self, options, subject_kind):\n"
        "        warnings.warn(InterfaceDeprecation('examples goes in 2.0'))\n"
    )
    install("late-scorer", code, version="3")
    registered = load_registry().scorer("mine")
    with pytest.warns(FutureWarning, match=r"scorer 'mine' of late-scorer 3: examples goes in 2"):
        make_scorer(registered, {}, "weight")
