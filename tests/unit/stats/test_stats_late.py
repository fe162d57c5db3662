"""scipy comes when it is needed, and only its three parts that are used here."""

from __future__ import annotations

import subprocess
import sys

import pytest
from scipy import optimize, special, stats

from lens_gate.stats import late


def test_the_parts_are_scipys_own() -> None:
    assert (late.optimize, late.special, late.stats) == (optimize, special, stats)


def test_a_part_that_nobody_asked_for_yet_is_loaded_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(vars(late), "special", raising=False)
    assert late.special is special
    assert vars(late)["special"] is special


def test_another_name_is_missing_as_in_any_module() -> None:
    with pytest.raises(AttributeError, match=r"'lens_gate\.stats\.late' has no attribute 'signal'"):
        getattr(late, "signal")  # noqa: B009 - mypy knows that it is not there


def test_no_module_of_the_package_loads_scipy_by_being_imported() -> None:
    code = (
        "import pkgutil, sys, lens_gate\n"
        "for module in pkgutil.walk_packages(lens_gate.__path__, 'lens_gate.'):\n"
        "    if not module.name.endswith('__main__') and '.ci.' not in module.name and '.stores.' not in module.name:\n"
        "        __import__(module.name)\n"
        "print(len(sys.modules) > 300, 'scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["True", "False"]
