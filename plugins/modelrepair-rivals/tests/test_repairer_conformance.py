"""The rivals that give matrices new values pass the conformance kit."""

from __future__ import annotations

from modelrepair.testing import RepairerConformance


class TestWiseFt(RepairerConformance):
    name = "wise-ft"


class TestSafeLora(RepairerConformance):
    name = "safe-lora"
    options = {"unaligned": "org/base"}  # noqa: RUF012


class TestOrthonormalSafeLora(RepairerConformance):
    name = "safe-lora"
    options = {"unaligned": "org/base", "projector": "orthonormal"}  # noqa: RUF012


class TestResta(RepairerConformance):
    name = "resta"
    options = {"unaligned": "org/base"}  # noqa: RUF012


class TestRestaWithDare(RepairerConformance):
    name = "resta"
    options = {"unaligned": "org/base", "drop": 0.3}  # noqa: RUF012


class TestSafeMerge(RepairerConformance):
    name = "safe-merge"
    # The kit's changes lie along its alignment: at 0.35 they would all stay.
    options = {"unaligned": "org/base", "threshold": 1.0}  # noqa: RUF012


class TestDgHard(RepairerConformance):
    name = "dg-hard"


class TestCsuLora(RepairerConformance):
    name = "csu-lora"
    options = {"unaligned": "org/base"}  # noqa: RUF012


class TestOneShot(RepairerConformance):
    name = "one-shot"


class TestSafeDelta(RepairerConformance):
    name = "safe-delta"


class TestRealign(RepairerConformance):
    name = "realign"


class TestRestore(RepairerConformance):
    name = "restore-direction"


class TestSomf(RepairerConformance):
    name = "somf"
    options = {"every": 1}  # noqa: RUF012


class TestDrawnSomf(RepairerConformance):
    name = "somf"
    options = {"every": 1, "variant": "code"}  # noqa: RUF012


class TestDirectionAlign(RepairerConformance):
    name = "direction-align"


class TestDirectionAlignAsInTheCode(RepairerConformance):
    name = "direction-align"
    options = {"variant": "code"}  # noqa: RUF012
