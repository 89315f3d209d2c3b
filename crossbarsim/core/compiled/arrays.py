"""Arrays as kernels take them: numba compiles again for every other layout and set of flags."""

from __future__ import annotations

import numpy as np

from ..validation import Array

__all__ = ["plain"]


class _Lent:
    """Memory of a read-only array, lent to kernels that only read it."""

    def __init__(self, array: Array) -> None:
        self.array = array
        address = array.__array_interface__["data"][0]
        self.__array_interface__ = {**array.__array_interface__, "data": (address, False)}


def plain(array: Array) -> Array:
    """Return float64 `array`, or what is equal to it, aligned, in C order and marked writable.

    Read-only memory is not copied: hand the result only to kernels that do not write to it.

    Examples
    --------
    >>> import numpy as np
    >>> plain(np.broadcast_to(1.0, (2, 3))).flags.carray
    True
    """
    flags = array.flags
    if flags.carray:
        return array
    if flags.c_contiguous and flags.aligned:
        return np.asarray(_Lent(array))
    return np.array(array, dtype=np.float64, order="C")
