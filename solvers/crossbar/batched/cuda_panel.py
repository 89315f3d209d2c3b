"""CUDA C for the one recurrence of a reduction: a panel of nodes, eliminated one after another.

As array programs each node costs several launches; here a panel of a whole batch is one launch,
with one thread block per matrix. Compiled with ``CROSSBARSIM_HOST`` it runs on a CPU.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .array_types import XpArray, XpModule

__all__ = ["PANEL_SOURCE", "launch_panel"]

THREADS = 256
PANEL_SOURCE = """\
#ifdef CROSSBARSIM_HOST
#define __global__
#define __shared__ static
#define __syncthreads()
#define THREAD 0
#define THREADS 1
#define BLOCK 0
#define BLOCKS 1
#else
#define THREAD ((int)threadIdx.x)
#define THREADS ((int)blockDim.x)
#define BLOCK ((long long)blockIdx.x)
#define BLOCKS ((long long)gridDim.x)
#endif
#ifdef __cplusplus
extern "C"
#endif
__global__ void panel(
    double *C, double *scaled, long long count, long long n, long long first, long long last)
{
    /* C (count, n, n): eliminate the nodes first..last-1 from their own rows;
       scaled (count, last-first, last): their rows over the pivots, 0 before */
    __shared__ double sums[1024];
    for (long long b = BLOCK; b < count; b += BLOCKS) {
        double *matrix = C + b * n * n;
        double *over = scaled + b * (last - first) * last;
        for (long long e = last - 1; e >= first; --e) {
            const double *line = matrix + e * n;
            double *row = over + (e - first) * last;
            double sum = 0.0;
            for (long long c = THREAD; c < e; c += THREADS) sum += line[c];
            sums[THREAD] = sum;
            __syncthreads();
            for (int half = THREADS / 2; half > 0; half /= 2) {
                if (THREAD < half) sums[THREAD] += sums[THREAD + half];
                __syncthreads();
            }
            double pivot = sums[0];
            double inverse = pivot > 0.0 ? 1.0 / pivot : 0.0; /* 0: tied to nothing */
            for (long long c = THREAD; c < e; c += THREADS) row[c] = line[c] * inverse;
            __syncthreads();
            long long entries = (e - first) * e;
            for (long long k = THREAD; k < entries; k += THREADS) {
                long long f = first + k / e, c = k % e;
                matrix[f * n + c] += row[f] * line[c];
            }
            __syncthreads();
        }
    }
}
"""


@lru_cache(maxsize=4)
def _kernel(xp: XpModule) -> XpArray:
    return xp.RawModule(code=PANEL_SOURCE, options=("--std=c++14",)).get_function("panel")


def launch_panel(xp: XpModule, C: XpArray, first: int, last: int) -> XpArray:
    """Do on a device what `eliminate.panel` does; C (B, n, n) contiguous."""
    count, n = int(C.shape[0]), int(C.shape[1])
    scaled = xp.zeros((count, last - first, last), dtype=C.dtype)
    sizes = map(np.int64, (count, n, first, last))
    _kernel(xp)((min(count, 1 << 20),), (THREADS,), (C, scaled, *sizes))
    return scaled
