"""A matrix on a chip that multiplies like an array of NumPy."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator

from ..core.errors import ParameterError
from ..core.settings import checks_arguments
from ..core.validation import Array, choice, finite_array
from ..nn import Calibration, CrossbarConfig, CrossbarLinear, calibrate
from ..nn.chip.matrix import StoredMatrix
from .turned import give_arrays, turned

__all__ = ["CrossbarMatrix"]


class CrossbarMatrix(LinearOperator):
    """A real matrix on crossbars: ``A @ x`` is read from the chip, with all that is wrong with it.

    The arrays are those of a network's layer of the same `CrossbarConfig`: tiles with exact wires,
    variation, faults and errors of programming, drift, converters, amplifiers and read noise. It
    is a `scipy.sparse.linalg.LinearOperator`, so SciPy's solvers take it. Outputs lie along the
    bit lines; a matrix with several columns is read column by column, each with noise of its own.

    Without an `input_range` in the configuration every vector is scaled to its largest magnitude
    before it is converted, and back after it (the digital scaling of Le Gallo et al., Nature
    Electronics 1:246, 2018); with one, larger entries saturate. Converters without a range of
    their own cover all that can come; `calibrate` fits them to what does.

    Parameters
    ----------
    matrix : (M, N) array
        Real.
    config : CrossbarConfig, optional
        Its `bias` has no meaning here.
    name : str
        Of the chip: with the configuration's seed it names its devices.
    transpose : {"read", "arrays"}
        How ``A.T @ y`` is read. "read": from the same arrays, driven at their sense ends and
        sensed at their drivers' (by reciprocity exactly the transpose, where nothing but wires
        is wrong). "arrays": the transpose is stored on arrays of its own.

    Attributes
    ----------
    matrix : (M, N) array
        As given.
    shape, dtype
        As of the array; float64.

    Raises
    ------
    ParameterError
        A matrix that is not real and finite, or not of two axes.

    Examples
    --------
    >>> import numpy as np
    >>> from crossbarsim.linalg import CrossbarMatrix
    >>> from crossbarsim.nn import CrossbarConfig
    >>> A = CrossbarMatrix([[2.0, -1.0, 0.0], [0.0, 1.0, 3.0]], CrossbarConfig.ideal())
    >>> np.round(A @ [1.0, 2.0, 3.0], 9) + 0.0
    array([ 0., 11.])
    >>> (A.T @ np.ones((2, 4))).shape, A.shape
    ((3, 4), (2, 3))
    """

    @checks_arguments
    def __init__(
        self, matrix: Any, config: CrossbarConfig | None = None, *, name: str = "matrix",
        transpose: Literal["read", "arrays"] = "read",
    ) -> None:
        values = _real_matrix(matrix)
        choice("transpose", transpose, ("read", "arrays"))
        if config is not None and not isinstance(config, CrossbarConfig):
            raise ParameterError(f"`config` must be a CrossbarConfig; got {type(config).__name__}")
        given = (config or CrossbarConfig()).replace(bias="digital")
        self.matrix = np.array(values)
        self.matrix.setflags(write=False)
        self.name, self.transposition = name, transpose
        self._scaled = given.input_range is None
        self._other: CrossbarMatrix | None = None
        own = given.replace(input_range=1.0) if self._scaled else given
        layer = CrossbarLinear(
            values.shape[1], values.shape[0], bias=False, dtype=torch.float64, config=own,
            chip=name,
        )
        layer.weight.requires_grad_(False)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(np.array(values)))
        self.layer = layer
        begin: Any = super().__init__  # SciPy's, without types
        begin(np.dtype(np.float64), values.shape)

    @property
    def config(self) -> CrossbarConfig:
        """The configuration of the chip."""
        return self.layer.config.replace(input_range=None) if self._scaled else self.layer.config

    @property
    def stored(self) -> StoredMatrix:
        """The physical arrays."""
        return self.layer.crossbars

    @property
    def reads(self) -> int:
        """Vectors that the arrays have seen where reads are not exact: each has its own noise."""
        return self.stored.reads

    def __repr__(self) -> str:
        """Return the shape, and on how many arrays it lies."""
        tiles = sum(1 for _ in self.stored.blocks())
        m, n = self.shape
        return f"CrossbarMatrix({m}x{n}, {tiles} tiles of {self.config.tile_shape})"

    # -- products ------------------------------------------------------------------------------

    def _matmat(self, X: Any) -> Array:
        values = np.asarray(X)
        if values.dtype.kind == "c":  # two real reads
            return np.asarray(self._read(values.real) + 1j * self._read(values.imag))
        return self._read(values)

    def _matvec(self, x: Any) -> Array:
        return self._matmat(np.reshape(x, (-1, 1)))[:, 0]

    def _rmatmat(self, X: Any) -> Array:
        return np.asarray(self._transpose().matmat(X))

    def _rmatvec(self, x: Any) -> Array:
        return np.asarray(self._transpose().matvec(x))

    @torch.no_grad()
    def _read(self, X: Any) -> Array:
        """Return what the chip gives for the columns of X (N, B): (M, B)."""
        columns = finite_array("x", X).T
        top = np.abs(columns).max(axis=1, initial=0.0, keepdims=True)
        scale = np.where(top > 0.0, top, 1.0) if self._scaled else np.ones_like(top)
        found = self.layer(torch.from_numpy(np.ascontiguousarray(columns / scale)))
        return np.asarray((found.numpy() * scale).T)

    # -- the transpose -------------------------------------------------------------------------

    def _transpose(self) -> CrossbarMatrix:
        if self._other is None:
            name = f"{self.name}.T"
            both = self.transposition == "read"
            config = turned(self.config) if both else self.config
            other = CrossbarMatrix(
                self.matrix.T, config, name=name, transpose="read" if both else "arrays"
            )
            if both:
                give_arrays(other.stored, self.stored)
            other._other = self
            self._other = other
        return self._other

    _adjoint = _transpose  # real

    # -- the chip ------------------------------------------------------------------------------

    def effective_matrix(self) -> Array:
        """Return the matrix that devices, programming and wires make, (M, N).

        Without converters, noise and corrections.

        Raises
        ------
        ParameterError
            Cells that are not linear.
        """
        with torch.no_grad():
            if not self.config.linear:
                raise ParameterError("cells that are not linear have no effective matrix")
            return self.stored.realised(self.layer.weight).numpy().copy()

    @checks_arguments
    def calibrate(self, x: ArrayLike, *, correct: bool = False) -> Calibration:
        """Fit the converters' ranges, and on request a gain and offset per output, to vectors.

        Parameters
        ----------
        x : (N,) or (N, B) array
            Typical vectors.
        correct : bool
            As in `crossbarsim.nn.calibrate`.

        Raises
        ------
        ParameterError
            Vectors of another length, or all 0.
        """
        values = finite_array("x", x)
        columns = values.reshape(len(values), -1).T if values.ndim in (1, 2) else values
        if columns.ndim != 2 or columns.shape[1] != self.shape[1] or not columns.size:
            raise ParameterError(
                f"`x` must have shape ({self.shape[1]},) or ({self.shape[1]}, B); got "
                f"{values.shape}"
            )
        columns = columns[np.abs(columns).max(axis=1) > 0.0]
        if not len(columns):
            raise ParameterError("`x` is 0: converters have no range")
        if self._scaled:
            columns = columns / np.abs(columns).max(axis=1, keepdims=True)
        batch = torch.from_numpy(np.ascontiguousarray(columns))
        return calibrate(torch.nn.Sequential(self.layer), [batch], correct=correct)

    def replace(self, **changes: Any) -> Self:
        """Return the same matrix and seed, so the same devices, with another configuration.

        Examples
        --------
        >>> import numpy as np
        >>> from crossbarsim import Wires
        >>> from crossbarsim.linalg import CrossbarMatrix
        >>> A = CrossbarMatrix(np.eye(4))
        >>> bool((A.replace(wires=Wires(50.0, 50.0)) @ np.ones(4) < A @ np.ones(4)).all())
        True
        """
        config = self.config.replace(**changes)
        return type(self)(self.matrix, config, name=self.name, transpose=self.transposition)


def _real_matrix(matrix: Any) -> Array:
    if getattr(getattr(matrix, "dtype", None), "kind", "") == "c":
        raise ParameterError(
            "`matrix` is complex; conductances are real: store its parts, as with "
            "np.block([[A.real, -A.imag], [A.imag, A.real]]), which takes [x.real, x.imag]"
        )
    values = finite_array("matrix", matrix)
    if values.ndim != 2 or not values.size:
        raise ParameterError(f"`matrix` must have shape (M, N); got {values.shape}")
    return values
