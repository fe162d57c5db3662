"""When garbage is looked for while a run is on: seldom, and so that it is told, not in the midst of what is timed."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

MOST_NEW: Final = 250_000
"""Objects by which there may be more before one looks among them: a pass over as many takes some 20 ms."""


@contextmanager
def unburdened_collector() -> Iterator[None]:
    """Keep Python from looking for garbage by itself: at a thousand requests per second its passes take up to 70 ms.

    A request leaves nothing in cycles, so that all but some of what goes wrong is freed without them.
    """
    was_on = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()


def collected(most_new: int = MOST_NEW) -> bool:
    """Look for garbage if there is so much more than before that there may be some, and say whether that was so.

    What is alive is not looked at again until the end of the run, so that no pass is longer than another.
    """
    new, _, _ = gc.get_count()
    if new <= most_new:
        return False
    gc.collect()
    gc.freeze()
    return True
