"""Labelled images for the studies: one `Dataset`, read from the folder that the user names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BackendUnavailable
from ...core.views.brief import brief_repr
from . import cifar, idx
from .errors import DataError

__all__ = ["Dataset", "Labelled", "load", "load_digits"]

HELD_OUT_DIGITS = 500


@dataclass(frozen=True, eq=False)
class Labelled:
    """Images and their classes.

    Parameters
    ----------
    images : (n, C, H, W) array of uint8
    labels : (n,) array of int64
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    __repr__ = brief_repr

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and held-out images of one data set.

    Parameters
    ----------
    name : str
        What tables and pictures call it.
    train, test : Labelled
    full_scale : int
        The pixel value of full brightness.
    extra : mapping of str to Labelled
        Further held-out images that are reported apart.
    """

    name: str
    train: Labelled
    test: Labelled
    full_scale: int = 255
    extra: Mapping[str, Labelled] = field(default_factory=dict)

    __repr__ = brief_repr

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.train.labels.max()) + 1

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        _, channels, height, width = self.train.images.shape
        return channels, height, width

    def held_out(self, limit: int | None = None) -> dict[str, Labelled]:
        """Return the first `limit` images of the test set and of every extra one, by name."""
        return {
            name: Labelled(part.images[:limit], part.labels[:limit])
            for name, part in {"test": self.test, **self.extra}.items()
        }

    @cached_property
    def sha256(self) -> str:
        """Identity of all pixels and labels, independent of the files' packing."""
        digest = hashlib.sha256()
        for part in (self.train, self.test, *(self.extra[k] for k in sorted(self.extra))):
            for array in (part.images, part.labels):
                digest.update(f"{array.shape}{array.dtype.str}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def load_digits() -> Dataset:
    """Return scikit-learn's bundled handwritten digits: 1,797 images of 8 x 8 pixels.

    A fixed permutation holds 500 of them out.

    Raises
    ------
    BackendUnavailable
        Where scikit-learn is not installed.
    """
    try:
        from sklearn import datasets  # noqa: PLC0415 - optional
    except ModuleNotFoundError:
        raise BackendUnavailable(
            "the handwritten digits ship with scikit-learn: install crossbarsim[studies]"
        ) from None
    bunch = datasets.load_digits()
    images = bunch.images.astype(np.uint8)[:, None]
    labels = bunch.target.astype(np.int64)
    order = np.random.Generator(np.random.Philox(key=1797)).permutation(len(labels))
    train, test = order[HELD_OUT_DIGITS:], order[:HELD_OUT_DIGITS]
    return Dataset(
        "handwritten digits 8x8", Labelled(images[train], labels[train]),
        Labelled(images[test], labels[test]), full_scale=16,
    )


def load(directory: str | Path | None = None, *, name: str | None = None) -> Dataset:
    """Return the data set in `directory`, or the bundled digits.

    Parameters
    ----------
    directory : path, optional
        A folder with the four idx files of MNIST or Fashion-MNIST (gzip or not), or with CIFAR-10's
        binary or Python batches.
    name : str, optional
        What tables and pictures call it; default: found from the files.

    Raises
    ------
    DataError
        Names the file, what was expected and what was found.
    """
    if directory is None:
        data = load_digits()
    else:
        folder = Path(directory)
        if not folder.is_dir():
            raise DataError(folder, "no such folder")
        if idx.present(folder):
            title, train, test = idx.read(folder)
            data = Dataset(title, Labelled(*train), Labelled(*test))
        elif cifar.present(folder):
            title, train, test, extra = cifar.read(folder)
            data = Dataset(
                title, Labelled(*train), Labelled(*test),
                extra={key: Labelled(*value) for key, value in extra.items()},
            )
        else:
            raise DataError(
                folder,
                "no data set found; expected train-images-idx3-ubyte and its three companions "
                "(MNIST, Fashion-MNIST; .gz or not), data_batch_1.bin .. data_batch_5.bin and "
                "test_batch.bin (CIFAR-10 binary), or data_batch_1 .. 5 and test_batch "
                "(CIFAR-10 python)",
            )
    if name is not None:
        data = Dataset(name, data.train, data.test, data.full_scale, data.extra)
    return data
