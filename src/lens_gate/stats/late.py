"""scipy, loaded when something of it is first computed: it costs longer to load than a short run takes to measure.

A run that is not judged needs none of it. Write `late.special.ndtr(z)`; a name imported from here would load it.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scipy import optimize, special, stats

__all__ = ["optimize", "special", "stats"]


def __getattr__(name: str) -> ModuleType:
    """Load a part of scipy, and keep it: a module asks here only for names that it has not (PEP 562)."""
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    part = importlib.import_module(f"scipy.{name}")
    globals()[name] = part
    return part
