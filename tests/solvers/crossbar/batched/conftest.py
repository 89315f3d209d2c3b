"""Array backends to test with: NumPy, a stand-in for a device, and a GPU where there is one."""

import numpy as np
import pytest
from crossbarsim.solvers.crossbar.batched import ArrayBackend, find_gpu

GPU, FOUND = find_gpu()
NAMES = frozenset({  # of CuPy's, with the same meaning
    "abs", "arange", "argsort", "array", "asarray", "ascontiguousarray", "broadcast_arrays",
    "broadcast_to", "concatenate", "cumsum", "diff", "exp", "eye", "matmul", "max", "maximum",
    "mean", "minimum", "reshape", "stack", "sum", "swapaxes", "take_along_axis", "where", "zeros",
    "zeros_like", "all", "any", "ones", "empty", "ones_like", "log",
})


def bare(value):
    if isinstance(value, Device):
        return value.data
    if isinstance(value, np.ndarray):
        raise TypeError("an array of the host among those of the device")
    if isinstance(value, (list, tuple)):
        return type(value)(bare(v) for v in value)
    return value


def clad(value):
    if isinstance(value, (list, tuple)):
        return [clad(v) for v in value]
    return Device(np.asarray(value))


class Device:
    """An array that, as CuPy's, never becomes one of NumPy by itself."""

    __array_ufunc__ = None

    def __init__(self, data):
        self.data = data

    def __array__(self, *_, **__):
        raise TypeError("implicit conversion to an array of the host")

    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    dtype = property(lambda self: self.data.dtype)

    def get(self):
        return self.data.copy()

    def astype(self, kind):
        return Device(self.data.astype(kind))

    def reshape(self, *shape):
        return Device(self.data.reshape(*shape))

    def __len__(self):
        return len(self.data)

    def __bool__(self):
        return bool(self.data)

    def __getitem__(self, index):
        return Device(np.asarray(self.data[bare(index)]))

    def __setitem__(self, index, value):
        self.data[bare(index)] = bare(value)


def _operator(name):
    def method(self, *others):
        return clad(getattr(self.data, name)(*map(bare, others)))

    return method


def _in_place(name):
    def method(self, other):
        getattr(self.data, name)(bare(other))
        return self

    return method


for _name in ("add", "sub", "mul", "truediv", "and", "or"):
    setattr(Device, f"__{_name}__", _operator(f"__{_name}__"))
    setattr(Device, f"__r{_name}__", _operator(f"__r{_name}__"))
    setattr(Device, f"__i{_name}__", _in_place(f"__i{_name}__"))
for _name in ("neg", "invert", "lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Device, f"__{_name}__", _operator(f"__{_name}__"))


class Module:
    """NumPy's functions by CuPy's names, on `Device` arrays only."""

    inf = np.inf
    float64 = np.float64

    class linalg:
        @staticmethod
        def inv(matrices):
            return clad(np.linalg.inv(bare(matrices)))

    def __getattr__(self, name):
        if name not in NAMES:
            raise AttributeError(f"{name} is not known to be in CuPy")
        function = getattr(np, name)
        if name in ("asarray", "array"):
            return lambda x, dtype=None: Device(
                function(x.data if isinstance(x, Device) else x, dtype=dtype)
            )
        return lambda *args, **kwargs: clad(function(*map(bare, args), **kwargs))


@pytest.fixture(params=["numpy", "stand-in", pytest.param("gpu", marks=(
    pytest.mark.gpu, pytest.mark.skipif(GPU is None, reason=FOUND)
))])
def backend(request):
    if request.param == "gpu":
        return "gpu"
    return ArrayBackend() if request.param == "numpy" else ArrayBackend(Module(), "stand-in")
