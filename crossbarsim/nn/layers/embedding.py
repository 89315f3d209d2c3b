"""Look-up tables on crossbars: an index drives one word line, its row is read."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.errors import ParameterError
from ..chip.operators import traced
from ..config import CrossbarConfig
from .base import CrossbarLayer, Matrix, effective
from .unfold import CHUNK

__all__ = ["CrossbarEmbedding", "CrossbarEmbeddingBag"]


class _Table(CrossbarLayer):
    """The table of a look-up: entries along the word lines, one driven at a time.

    The word line of the index gets the input 1, so `config` becomes one of the input range 1 and,
    unless it says otherwise, without signed inputs. Every array of the table is read, also those
    without the driven line.
    """

    weight: Tensor
    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None
    max_norm: float | None
    sparse: bool

    def _check(self) -> None:
        kind = type(self).__name__
        if self.max_norm is not None:
            raise ParameterError(
                f"{kind}: `max_norm` rewrites entries at every look-up, cells cannot follow; "
                "renormalise the table once and set `max_norm` to None"
            )
        if self.sparse:
            raise ParameterError(
                f"{kind}: `sparse` gradients do not exist, the wires connect all entries; set "
                "`sparse` to False"
            )

    def _setup(self, config: CrossbarConfig | None, chip: str) -> None:
        config = CrossbarConfig() if config is None else config
        if isinstance(config, CrossbarConfig):
            signed = config.signed_inputs
            config = config.replace(
                input_range=1.0, signed_inputs=False if signed is None else signed
            )
        super()._setup(config, chip)

    def _matrices(self) -> Iterator[Matrix]:
        yield "crossbars", self.weight.T, None, 1

    def _trained(self) -> Tensor:
        """Return the matrix (embedding_dim, num_embeddings), without a gradient for the padding."""
        weight: Tensor = self.weight
        if self.padding_idx is not None and torch.is_grad_enabled() and weight.requires_grad:
            fixed = torch.arange(self.num_embeddings, device=weight.device) == self.padding_idx
            weight = torch.where(fixed.unsqueeze(1), weight.detach(), weight)
        return weight.T

    def _read(self, indices: Tensor, weight: Tensor) -> Tensor:
        """Return the entries (n, embedding_dim) of the indices (n,), each by a read of its own."""
        indices, step = indices.long(), max(CHUNK // self.num_embeddings, 1)
        with self.crossbars.held():
            return torch.cat([
                self.crossbars(
                    F.one_hot(part, self.num_embeddings).unsqueeze(1).to(self.weight.dtype), weight
                )
                for part in ((indices,) if traced() else torch.split(indices, step))
            ])


class CrossbarEmbedding(_Table, nn.Embedding):
    """A look-up table on crossbars: the entries along the word lines, one driven at a time.

    The word line of the index gets the input 1, so `config` becomes one of the input range 1 and,
    unless it says otherwise, without signed inputs. Every array of the table is read, also those
    without the driven line.

    Parameters
    ----------
    num_embeddings, embedding_dim, padding_idx, scale_grad_by_freq, dtype
        As in `torch.nn.Embedding`. `padding_idx` is an entry as any other that is not trained.
    config : CrossbarConfig, optional
    chip : str
        Name of the layer's device variation.

    Raises
    ------
    ParameterError
        `max_norm`, which rewrites entries when they are looked up: every look-up would program
        cells; `sparse`, as wires make every entry's gradient dense.

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn import CrossbarConfig, CrossbarEmbedding
    >>> layer = CrossbarEmbedding(10, 4, config=CrossbarConfig.ideal())
    >>> tuple(layer(torch.tensor([1, 5])).shape)
    (2, 4)
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Return the entries, (*, embedding_dim), of the indices (*)."""
        weight = self._trained()
        if self.crossbars.prefers_matrix(input.numel(), weight):
            table, _ = effective(self.crossbars, self.weight, weight)
            # the padding's own weights get no gradient, those on whose currents its read depends do
            return F.embedding(input, table.T, scale_grad_by_freq=self.scale_grad_by_freq)
        indices = input.reshape(-1)
        y = self._read(indices, weight)
        if self.scale_grad_by_freq:  # of the gradient only
            share = y / torch.bincount(indices)[indices].unsqueeze(1)
            y = share + (y - share).detach()
        return y.reshape(*input.shape, self.embedding_dim)


class CrossbarEmbeddingBag(_Table, nn.EmbeddingBag):
    """Sums, means or maxima of entries of a look-up table on crossbars.

    The entries are read as in `CrossbarEmbedding`, each that occurs once per call; bags are put
    together digitally.

    Parameters
    ----------
    num_embeddings, embedding_dim, scale_grad_by_freq, mode, include_last_offset, padding_idx, dtype
        As in `torch.nn.EmbeddingBag`.
    config : CrossbarConfig, optional
    chip : str
        Name of the layer's device variation.

    Raises
    ------
    ParameterError
        `max_norm` and `sparse`, as in `CrossbarEmbedding`.

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn import CrossbarConfig, CrossbarEmbeddingBag
    >>> layer = CrossbarEmbeddingBag(10, 4, config=CrossbarConfig.ideal())
    >>> tuple(layer(torch.tensor([[1, 5], [2, 3]])).shape)
    (2, 4)
    """

    def forward(
        self, input: Tensor, offsets: Tensor | None = None,  # noqa: A002 - torch's name
        per_sample_weights: Tensor | None = None,
    ) -> Tensor:
        """Return the bags, (B, embedding_dim); parameters as in `torch.nn.EmbeddingBag`."""
        weight = self._trained()
        if self.crossbars.prefers_matrix(input.numel(), weight):
            table = effective(self.crossbars, self.weight, weight)[0].T
        else:
            entries = torch.unique(input)
            table = self.weight.new_zeros(self.weight.shape).index_copy(
                0, entries.long(), self._read(entries, weight)
            )
        bags: Tensor = F.embedding_bag(
            input, table, offsets, scale_grad_by_freq=self.scale_grad_by_freq, mode=self.mode,
            per_sample_weights=per_sample_weights, include_last_offset=self.include_last_offset,
            padding_idx=self.padding_idx,
        )
        return bags
