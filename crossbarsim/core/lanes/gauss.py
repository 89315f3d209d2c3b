"""Normal numbers of vectors, counted by cell and draw: those of the scalar kernels' `gauss`."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from .arcs import cos_turns
from .expressions import BITS, LANES, E, call
from .logarithms import log_of
from .vectors import Lanes, intrinsic, lane_types, types

__all__ = ["gauss_lanes"]

_HALF = 0xFFFFFFFF


def _uniform(low_bits: E) -> E:
    """Return an integer below 2^32 as doubles."""
    return (low_bits | 0x4330000000000000).doubles() - 2.0**52


def philox(key: E, cell: E, draw: E) -> tuple[E, E, E, E]:
    """Return four words: Philox 4x32-10 (Salmon et al., SC 2011)."""
    k0, k1 = key & _HALF, key >> 32
    c0, c1, c2, c3 = cell & _HALF, cell >> 32, draw & _HALF, draw >> 32
    for _ in range(10):
        a, b = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b & _HALF, (a >> 32) ^ c3 ^ k1, a & _HALF
        k0, k1 = (k0 + 0x9E3779B9) & _HALF, (k1 + 0xBB67AE85) & _HALF
    return c0, c1, c2, c3


@intrinsic
def gauss_lanes(_typing: Any, key: int, first: int, cell: Lanes, draw: Lanes) -> Any:
    """Return normal numbers of the cells first + cell; `cell` and `draw` count, as doubles."""

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        def everywhere(value: Any) -> E:
            one = builder.insert_element(ir.Constant(BITS, ir.Undefined), value,
                                         ir.Constant(ir.IntType(32), 0))
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
            return E(builder, builder.shuffle_vector(
                one, ir.Constant(BITS, ir.Undefined), zeros))

        def whole(value: Any) -> E:
            return (E(builder, value) + 2.0**52).bits() ^ 0x4330000000000000

        cells, draws = everywhere(args[1]) + whole(args[2]), whole(args[3])
        c0, c1, c2, c3 = philox(everywhere(args[0]), cells, draws)
        a = (_uniform(c0) * 2.0**-32 + _uniform(c1) * 2.0**-64) + 2.0**-65
        b = _uniform(c2) * 2.0**-32 + _uniform(c3) * 2.0**-64
        return (call("sqrt", -2.0 * log_of(a)) * cos_turns(b)).value

    lanes = lane_types()[0]
    return lanes(types.uint64, types.int64, lanes, lanes), generate
