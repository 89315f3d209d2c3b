"""Python's garbage collector, kept from work that makes millions of objects and no garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["uncollected"]


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the collector from walking over millions of names again and again.

    What was made counts as old afterwards: the next short walk does not go over it.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            if gc.get_freeze_count() == 0:  # the only way to make things old, short of a walk
                gc.freeze()
                gc.unfreeze()
            gc.enable()
