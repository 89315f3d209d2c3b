"""What the points of a study depend on, as JSON: settings as they are, all else by a hash."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import pickle
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.errors import ParameterError
from ...core.settings import Settings, plain
from ...core.validation import shown

__all__ = ["digest", "identity"]

_LENGTH = 16
_FLAT = (bool, int, float, str, type(None))


def identity(value: Any, path: str = "context") -> Any:
    """Return JSON that is another one where `value` is: the same in every process.

    Numbers, words, lists, mappings and records of settings stay readable. Functions are told by
    their name and their code, modules of torch by their class and parameters, arrays and tensors by
    their content, objects with a ``sha256`` by that, everything else by its pickle.

    Raises
    ------
    ParameterError
        What cannot be pickled.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.studies.engine.identity import identity
    >>> identity({"sigma": 0.1, "sizes": (2, 4)})
    {'sigma': 0.1, 'sizes': [2, 4]}
    >>> identity(np.zeros(3)) == identity(np.zeros(3))
    True
    """
    if isinstance(value, _FLAT):
        return value
    if isinstance(value, np.generic):
        return value.item()
    own = getattr(value, "sha256", None)
    if isinstance(own, str) and not isinstance(value, type):
        return {"type": type(value).__qualname__, "sha256": own}
    if isinstance(value, Settings):
        return plain(value)
    if isinstance(value, Mapping):
        return {str(k): identity(v, f"{path}[{k!r}]") for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        if len(value) > _LENGTH:  # such as the batches of a data set
            return {"items": len(value), "sha256": digest([identity(v, path) for v in value])}
        return [identity(v, f"{path}[{k}]") for k, v in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return sorted((identity(v, path) for v in value), key=repr)
    return _foreign(value, path)


def _foreign(value: Any, path: str) -> Any:
    """Return the identity of functions, arrays, modules and other objects."""
    if isinstance(value, np.ndarray):
        return {"array": list(value.shape), "sha256": _array(value)}
    if isinstance(value, functools.partial):
        return {"partial": identity(value.func, path), "args": identity(value.args, path),
                "keywords": identity(value.keywords, path)}
    if isinstance(value, types.MethodType):
        return {"method": value.__func__.__qualname__, "code": _code(value.__func__.__code__),
                "of": identity(value.__self__, path)}
    if isinstance(value, types.FunctionType):
        return _function(value, path)
    if isinstance(value, (type, types.BuiltinFunctionType)):
        return f"{value.__module__}.{value.__qualname__}"
    if callable(getattr(value, "state_dict", None)) and callable(
        getattr(value, "named_modules", None)
    ):
        return _network(value)
    if callable(getattr(value, "detach", None)) and callable(getattr(value, "numpy", None)):
        return identity(value.detach().cpu().numpy(), path)
    told = getattr(value, "study_identity", None)
    if callable(told):
        return identity(told(), path)
    try:
        content = pickle.dumps(value, protocol=4)
    except Exception as error:  # pickle raises whatever the object's own code raises
        raise ParameterError(
            f"`{path}` cannot be told from another one, nor sent to workers: {shown(value)} cannot "
            f"be pickled ({error})"
        ) from error
    found = {"type": f"{type(value).__module__}.{type(value).__qualname__}",
             "sha256": hashlib.sha256(content).hexdigest()[:_LENGTH]}
    call = getattr(type(value), "__call__", None)  # noqa: B004 - its code is asked for
    if isinstance(call, types.FunctionType):
        found["code"] = _code(call.__code__)
    return found


def digest(value: Any) -> str:
    """Return a hash of what `identity` returned."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_LENGTH]


def _array(value: Any) -> str:
    if value.dtype.hasobject:
        return digest([identity(v) for v in value.ravel().tolist()])
    head = f"{value.dtype.str} {value.shape}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(value).tobytes()).hexdigest()[:_LENGTH]


def _network(value: Any) -> Any:
    """Return the identity of a torch module: its parts, in their order, and its tensors."""
    found = hashlib.sha256(repr(value).encode())
    for name, entry in value.state_dict().items():
        found.update(name.encode())
        if callable(getattr(entry, "detach", None)):
            array = entry.detach().cpu()
            try:
                found.update(_array(array.numpy()).encode())
            except TypeError:  # bfloat16 and others that NumPy does not have
                found.update(_array(array.double().numpy()).encode())
        else:
            found.update(pickle.dumps(entry, protocol=4))
    return {"type": type(value).__qualname__, "sha256": found.hexdigest()[:_LENGTH]}


def _function(value: types.FunctionType, path: str) -> Any:
    found: dict[str, Any] = {
        "function": f"{value.__module__}.{value.__qualname__}", "code": _code(value.__code__)}
    if value.__defaults__ or value.__kwdefaults__:
        found["defaults"] = identity(
            [list(value.__defaults__ or ()), value.__kwdefaults__ or {}], path)
    closed = inspect.getclosurevars(value).nonlocals if value.__closure__ else {}
    if closed:
        found["closure"] = identity(closed, path)
    return found


def _code(code: types.CodeType) -> str:
    """Return a hash of what a function does: neither lines nor comments change it."""
    found = hashlib.sha256(code.co_code)
    for one in code.co_consts:
        if isinstance(one, frozenset):  # in another order in every process
            found.update(repr(sorted(map(repr, one))).encode())
        else:
            found.update((_code(one) if isinstance(one, types.CodeType) else repr(one)).encode())
    found.update(repr((code.co_names, code.co_varnames)).encode())
    return found.hexdigest()[:_LENGTH]
