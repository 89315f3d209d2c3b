"""Reader of CIFAR-10's binary and Python batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import cifar_python
from .errors import DataError
from .idx import Pair

__all__ = ["present", "read", "read_binary", "split_record"]

PIXELS = 3 * 32 * 32
BATCHES = tuple(f"data_batch_{k}" for k in range(1, 6))
TEST = "test_batch"
# Original test images that accompany lossy copies of the set.
LOSSLESS = "test_batch_lossless"


def _folders(folder: Path) -> tuple[Path, ...]:
    # The published archives unpack into these subfolders.
    return folder, folder / "cifar-10-batches-bin", folder / "cifar-10-batches-py"


def present(folder: Path) -> bool:
    """Whether `folder` has any batch of CIFAR-10."""
    names = [name + ending for name in (*BATCHES, TEST) for ending in ("", ".bin")]
    return any((place / name).is_file() for place in _folders(folder) for name in names)


def read_binary(path: Path) -> Pair:
    """Return images (n, 3, 32, 32) and labels (n,) of one binary batch.

    Raises
    ------
    DataError
    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror}") from error
    if content.size == 0 or content.size % (PIXELS + 1):
        raise DataError(path, f"expected records of {PIXELS + 1} bytes (label, then 3 planes of "
                              f"32 x 32); got {content.size} bytes, "
                              f"{content.size % (PIXELS + 1)} too many")
    records = content.reshape(-1, PIXELS + 1)
    return split_record(path, records[:, 1:], records[:, 0])


def split_record(path: Path, pixels: NDArray[np.uint8], labels: NDArray[Any]) -> Pair:
    """Return checked images (n, 3, 32, 32) and labels (n,) from rows of pixels (n, 3072)."""
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) <= 9:
        raise DataError(path, f"expected labels 0 to 9; got {labels.min()} to {labels.max()}")
    images = np.ascontiguousarray(pixels).reshape(-1, 3, 32, 32)
    return images, labels.astype(np.int64)


def _read_batch(folder: Path, name: str) -> Pair:
    for place in _folders(folder):
        if (place / f"{name}.bin").is_file():
            return read_binary(place / f"{name}.bin")
        if (place / name).is_file():
            path = place / name
            return split_record(path, *cifar_python.read(path, PIXELS))
    raise DataError(folder / f"{name}.bin", "missing (looked for the python batch too)")


def read(folder: Path) -> tuple[str, Pair, Pair, dict[str, Pair]]:
    """Return name, training pair, test pair and further test pairs of the set in `folder`."""
    batches = [_read_batch(folder, name) for name in BATCHES]
    train = (np.concatenate([b[0] for b in batches]), np.concatenate([b[1] for b in batches]))
    test = _read_batch(folder, TEST)
    name, extra = "CIFAR-10", {}
    if any((place / f"{LOSSLESS}.bin").is_file() for place in _folders(folder)):
        lossless = _read_batch(folder, LOSSLESS)
        extra["lossless"] = lossless
        # A lossy copy must not pass for the original in a table.
        if not np.array_equal(test[0][: len(lossless[1])], lossless[0]):
            name = "CIFAR-10 (lossy copy)"
    return name, train, test, extra
