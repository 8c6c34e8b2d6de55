"""What the kit demands of an example set: a source that can be read, and words that are true of it.

Nothing is asked of the network: of a set on the Hub only what its spec says is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from modelrepair.errors import ExampleSetError, ModelRepairError, UsageError
from modelrepair.examples.columns import FIELDS
from modelrepair.examples.filters import parse_filter
from modelrepair.examples.hub import parse_id
from modelrepair.examples.keys import FAMILIES
from modelrepair.examples.load import ExampleSet, SetReading, load_set
from modelrepair.examples.splits import Split, split_sets
from modelrepair.plugin.names import SetName
from modelrepair.plugin.specs import ExampleSetSpec
from modelrepair.testing.checks import Broken, Check, NotApplicable
from modelrepair.testing.common import COMMON
from modelrepair.testing.subject import Subject

ROLES: tuple[SetName, ...] = get_args(SetName)
COMMIT = re.compile(r"[0-9a-f]{40}")


def readable_source(subject: Subject) -> None:
    """A path leads to a file that holds examples; a text is an id on the Hub."""
    spec = subject.spec
    if isinstance(spec.source, Path):
        if not spec.source.is_absolute():
            raise Broken(
                f"it names {spec.source.as_posix()!r}, which depends on the folder that the user "
                "is in; begin with Path(__file__).parent"
            )
        for role in _roles(spec):
            try:
                _read(spec, role)
            except ExampleSetError as error:
                if error.id != "set-columns":  # of those `true_columns` speaks
                    raise Broken(f"it can't be read as a {role} set: {error}") from error
    elif not isinstance(spec.source, str) or parse_id(spec.source) is None:
        raise Broken(
            f"it names {spec.source!r}, which is no id on the Hub; a file is given as a Path"
        )


def each_role_once(subject: Subject) -> None:
    """It serves as at least one set, and as each once; the loader refuses roles that are none."""
    roles = subject.spec.roles
    if not roles:
        raise Broken(f"it has no role, expected {', '.join(ROLES)}")
    if len(set(roles)) < len(roles):
        raise Broken("it names a role twice")


def one_sort_of_prompts(subject: Subject) -> None:
    """What it serves as is harmful or benign, never both."""
    roles = set(subject.spec.roles)
    harmful = roles & set(FAMILIES[0])
    if harmful and harmful < roles:
        raise Broken(
            f"it serves as {min(harmful)} and as {min(roles - harmful)}: prompts are harmful or "
            "benign"
        )


def true_columns(subject: Subject) -> None:
    """Its columns are fields that there are; where the source is local, the columns are there."""
    spec = subject.spec
    for field in spec.columns:
        if field not in FIELDS:
            raise Broken(f"it names a column for {field!r}, expected one of {', '.join(FIELDS)}")
    for text in spec.filter:
        try:
            parse_filter(text)
        except UsageError as error:
            raise Broken(str(error)) from error
    for role in _roles(spec) if isinstance(spec.source, Path) else ():
        try:
            _read(spec, role)
        except ExampleSetError as error:
            if error.id == "set-columns":
                raise Broken(str(error)) from error


def stated_licence(subject: Subject) -> None:
    """Whoever fetches it is shown its licence."""
    if not subject.spec.licence:
        raise Broken("it states no licence")


def pinned_revision(subject: Subject) -> None:
    """A set on the Hub is pinned: the same spec names the same examples tomorrow."""
    spec = subject.spec
    if isinstance(spec.source, Path):
        raise NotApplicable("it is a local file")
    if spec.revision is None:
        raise Broken("it states no revision, expected the commit that it was read at")
    if not COMMIT.fullmatch(spec.revision):
        raise Broken(f"it states the revision {spec.revision!r}, expected a commit's 40 digits")


def counted_rows(subject: Subject) -> None:
    """The number of rows that it states, before any filter, is what its file holds."""
    spec = subject.spec
    if spec.rows is None:
        raise NotApplicable("it states no number of rows")
    some = _some(spec, _first_role(spec), filters=())
    found = len(some.examples) + some.duplicates + len(some.faults)
    if found != spec.rows:
        raise Broken(f"it states {spec.rows} rows, and {found} were read")


def usable_rows(subject: Subject) -> None:
    """No row is left out as one that can't be used."""
    for role in _roles(subject.spec):
        some = _some(subject.spec, role)
        if some.faults:
            raise Broken(f"rows that can't be used: {len(some.faults)}; first {some.faults[0]}")


def prompts_once(subject: Subject) -> None:
    """Every prompt is there once."""
    some = _some(subject.spec, _first_role(subject.spec))
    if some.duplicates:
        raise Broken(f"rows whose prompt another row has: {some.duplicates}")


def same_splits(subject: Subject) -> None:
    """Read and cut twice, the same examples score, are searched on and are reported."""
    spec = subject.spec
    for role in _roles(spec):
        try:
            first, second = (_cut(spec, role) for _ in range(2))
        except ExampleSetError as error:
            raise Broken(f"it can't be cut: {error}; {error.hint}") from error
        if first != second:
            raise Broken(f"as a {role} set it is cut otherwise when it is read again")


def prompts_of_one_family(subject: Subject) -> None:
    """No other set of the same plug-in holds one of its prompts for another kind of role."""
    spec, own = subject.spec, subject.registered.distribution
    prompts = {example.key for example in _some(spec, _first_role(spec)).examples}
    for other in subject.registry.found.example_sets:
        if other.distribution != own or other.spec == spec or _related(spec, other.spec):
            continue
        try:
            found = _some(other.spec, _first_role(other.spec))
        except NotApplicable:
            continue
        if shared := prompts & {example.key for example in found.examples}:
            raise Broken(
                f"it shares prompts with {other.spec.name!r}, which has other roles: {len(shared)}"
            )


def _related(one: ExampleSetSpec, other: ExampleSetSpec) -> bool:
    """Whether two sets may serve in one family, which is cut together."""
    return any(set(family) & set(one.roles) and set(family) & set(other.roles)
               for family in FAMILIES)  # fmt: skip


def _roles(spec: ExampleSetSpec) -> list[SetName]:
    return [role for role in ROLES if role in spec.roles]


def _first_role(spec: ExampleSetSpec) -> SetName:
    return next(iter(_roles(spec)), "utility")


def _cut(spec: ExampleSetSpec, role: SetName) -> Split:
    return split_sets(**{role: _some(spec, role)})[role]  # type: ignore[arg-type]


def _some(spec: ExampleSetSpec, role: SetName, filters: Sequence[str] | None = None) -> ExampleSet:
    """The set, for a check that is about more than that it can be read."""
    try:
        return _read(spec, role, filters)
    except ModelRepairError:
        raise NotApplicable("it can't be read, as another check says") from None


def _read(spec: ExampleSetSpec, role: SetName, filters: Sequence[str] | None = None) -> ExampleSet:
    if not isinstance(spec.source, Path):
        raise NotApplicable("it is on the Hub, and the kit asks nothing of the network")
    reading = SetReading(spec.columns, tuple(spec.filter if filters is None else filters))
    return load_set(spec.source, role, reading=reading, by_hand=False)


CHECKS: tuple[Check, ...] = (
    *COMMON,
    Check(
        "source",
        "Its source is the whole path of a file or folder that can be read, or an id on the Hub.",
        readable_source,
        "it names …, which depends on the folder that the user is in; begin with "
        "Path(__file__).parent · it can't be read as a … set: … · it names …, which is no id on "
        "the Hub; a file is given as a Path",
    ),
    Check(
        "roles",
        "Its roles are some of realign, refusal, utility and borderline, each once.",
        each_role_once,
        "it has no role, expected realign, refusal, utility, borderline · it names a role twice",
    ),
    Check(
        "one-sort",
        "Its roles are those of harmful prompts (realign, refusal) or those of benign ones.",
        one_sort_of_prompts,
        "it serves as … and as …: prompts are harmful or benign",
    ),
    Check(
        "columns",
        "It names columns for fields that there are, and its filters are `column=value`; of a "
        "local file, those columns are there.",
        true_columns,
        "it names a column for …, expected one of … · …: there is no column … · the filter … is "
        "not column=value",
    ),
    Check("licence", "It states its licence.", stated_licence, "it states no licence"),
    Check(
        "revision",
        "A set on the Hub states the commit that it was read at.",
        pinned_revision,
        "it states no revision, expected the commit that it was read at · it states the revision "
        "…, expected a commit's 40 digits",
    ),
    Check(
        "rows",
        "The number of rows that it states is the number that its file holds.",
        counted_rows,
        "it states … rows, and … were read",
    ),
    Check(
        "usable-rows",
        "Every row of its file can be used.",
        usable_rows,
        "rows that can't be used: …; first …",
    ),
    Check(
        "prompts-once",
        "Its file holds every prompt once.",
        prompts_once,
        "rows whose prompt another row has: …",
    ),
    Check(
        "same-splits",
        "It can be cut into the parts that score, select and report, and is cut in the same way "
        "whenever it is read.",
        same_splits,
        "it can't be cut: … · as a … set it is cut otherwise when it is read again",
    ),
    Check(
        "own-prompts",
        "No other set of its package, one with other roles, holds one of its prompts.",
        prompts_of_one_family,
        "it shares prompts with …, which has other roles: …",
    ),
)
"""All checks, in the order in which they are run."""
