"""Reader of the idx files of MNIST and Fashion-MNIST, gzip or not."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import DataError

__all__ = ["Pair", "present", "read", "read_idx"]

Pair = tuple[NDArray[np.uint8], NDArray[np.int64]]

# Of the 60,000 training images' pixels: tells MNIST from look-alikes with the same file names.
MNIST_SHA256 = "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757"


def _find(folder: Path, kind: str, dimensions: int) -> Path | None:
    for mark in ("-", "."):
        for ending in ("", ".gz"):
            path = folder / f"{kind}{mark}idx{dimensions}-ubyte{ending}"
            if path.is_file():
                return path
    return None


def present(folder: Path) -> bool:
    """Whether `folder` has any of the four files."""
    return any(
        _find(folder, f"{part}-{what}", dimensions) is not None
        for part in ("train", "t10k") for what, dimensions in (("images", 3), ("labels", 1))
    )


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the array of unsigned bytes with `dimensions` dimensions in one idx file.

    Raises
    ------
    DataError
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(path, f"cannot be read: {error}") from error
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise DataError(path, f"truncated: expected a header of {header} bytes; "
                              f"got {len(content)} bytes")
    magic = bytes((0, 0, 8, dimensions))
    if content[:4] != magic:
        raise DataError(path, f"expected idx magic 0x{magic.hex()} (unsigned bytes, {dimensions} "
                              f"dimensions); got 0x{content[:4].hex()}")
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", dimensions, offset=4))
    expected = int(np.prod(shape, dtype=object))
    if len(content) - header != expected or expected == 0:
        raise DataError(path, f"expected {expected} bytes of data for shape {shape}; "
                              f"got {len(content) - header}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _read_part(folder: Path, part: str) -> Pair:
    arrays = []
    for what, dimensions in (("images", 3), ("labels", 1)):
        path = _find(folder, f"{part}-{what}", dimensions)
        if path is None:
            raise DataError(folder / f"{part}-{what}-idx{dimensions}-ubyte",
                            "missing (looked for it with and without .gz)")
        arrays.append((path, read_idx(path, dimensions)))
    (_, images), (path, labels) = arrays
    if len(images) != len(labels):
        raise DataError(path, f"expected {len(images)} labels, one per image; got {len(labels)}")
    if labels.max() > 9:
        raise DataError(path, f"expected labels 0 to 9; got {labels.max()}")
    return images[:, None], labels.astype(np.int64)


def read(folder: Path) -> tuple[str, Pair, Pair]:
    """Return name, training pair and test pair of the data set in `folder`."""
    train, test = _read_part(folder, "train"), _read_part(folder, "t10k")
    if train[0].shape[1:] != test[0].shape[1:]:
        raise DataError(folder, f"training images have shape {train[0].shape[1:]}, "
                                f"test images {test[0].shape[1:]}")
    if hashlib.sha256(train[0].tobytes()).hexdigest() == MNIST_SHA256:
        name = "MNIST"
    elif "fashion" in folder.resolve().name.lower():
        name = "Fashion-MNIST"
    else:
        name = "idx images"
    return name, train, test
