"""Short reprs: of arrays their shape and range, of long things their beginning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

__all__ = ["brief", "brief_repr"]

_WHOLE = 360  # characters of a repr of a record
_PART = 72  # of one field
_FEW = 6  # entries of an array or a sequence that are written out


def _array(value: Any) -> str:
    shape = "x".join(map(str, value.shape)) or "1"
    kind = getattr(value.dtype, "kind", "")
    size = int(np.prod(value.shape))
    if 0 < size <= _FEW and value.ndim <= 1 and kind in "fiub":
        return np.array2string(np.asarray(value), precision=4, separator=", ")
    if kind in "fiub" and 0 < size <= 10_000_000:
        finite = value[np.isfinite(value)]
        if finite.size:
            low, high = float(finite.min()), float(finite.max())
            return f"<{shape}, {low:.4g}>" if low == high else f"<{shape}, {low:.4g} to {high:.4g}>"
    return f"<{shape} {value.dtype}>"


def _trimmed(text: str, most: int = _PART) -> str:
    return text if len(text) <= most else f"{text[:most - 3]}..."


def brief(value: Any) -> str:
    """Return a short text that tells a value, in place of its repr.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.core.views.brief import brief
    >>> brief(np.linspace(0.0, 1.0, 101)), brief({"a": np.zeros((2, 3))})
    ('<101, 0 to 1>', "{'a': <2x3, 0>}")
    """
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and hasattr(value, "dtype"):
        return f"<{'x'.join(map(str, shape)) or '1'} {value.dtype}>"  # tensors, wherever they are
    if isinstance(shape, tuple) and hasattr(value, "columns"):
        return f"<table {'x'.join(map(str, shape))}>"
    if isinstance(value, Mapping):
        shown = [f"{k!r:.40}: {brief(v)}" for k, v in list(value.items())[:3]]
        more = [f"{len(value) - 3} more"] if len(value) > 3 else []
        return _trimmed(f"{{{', '.join([*shown, *more])}}}")
    if isinstance(value, (list, tuple)):
        few = list(value[:_FEW])
        text = ", ".join(map(brief, few))
        if len(value) > len(few):
            text += f", {len(value) - len(few)} more"
        ends = "[]" if isinstance(value, list) else "()"
        return _trimmed(f"{ends[0]}{text}{ends[1]}")
    return _trimmed(repr(value))


def brief_repr(self: Any) -> str:
    """Return the repr of a dataclass with every field told briefly; for ``__repr__ = brief_repr``.

    Fields that no longer fit are left out, and "..." stands for them.
    """
    text = f"{type(self).__name__}("
    first = True
    for one in fields(self):
        if not one.repr or one.name.startswith("_"):
            continue
        entry = f"{'' if first else ', '}{one.name}={brief(getattr(self, one.name, None))}"
        if len(text) + len(entry) > _WHOLE:
            return f"{text}, ...)"
        text, first = text + entry, False
    return f"{text})"
