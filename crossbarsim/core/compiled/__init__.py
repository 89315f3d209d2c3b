"""How loops are compiled: the one decorator, SIMD lanes, atomics, threads and scratch memory.

Every compiled kernel of the package is made with `jit`; modules in folders named ``kernels``, and
those named ``kernels_*``, import numba and are imported at the first solve.
"""
