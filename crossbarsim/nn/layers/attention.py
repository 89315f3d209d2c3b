"""Attention with its projections on crossbars."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.errors import ParameterError
from ..config import CrossbarConfig
from .base import CrossbarLayer, Matrix, product
from .linear import CrossbarLinear

__all__ = ["CrossbarMultiheadAttention"]


class CrossbarMultiheadAttention(CrossbarLayer, nn.MultiheadAttention):
    """Multi-head attention whose four projections are on crossbars.

    `crossbars_q`, `crossbars_k` and `crossbars_v` hold the projections of queries, keys and
    values, `out_proj` is a `CrossbarLinear`. Scores, softmax and weighted sums, whose both factors
    change with every input, are digital; so are `bias_k` and `bias_v`, entries of the sequences.

    Takes every option of `torch.nn.MultiheadAttention`; parameters as there, and as in
    `CrossbarLinear`. Torch's fast path for inference, which reads the weights past the layers, is
    never taken.

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.nn import CrossbarConfig, CrossbarMultiheadAttention
    >>> layer = CrossbarMultiheadAttention(8, 2, config=CrossbarConfig.ideal())
    >>> tuple(layer(*[torch.ones(3, 1, 8)] * 3)[0].shape)
    (3, 1, 8)
    """

    def _setup(self, config: CrossbarConfig | None, chip: str) -> None:
        super()._setup(config, chip)
        name = f"{chip}.out_proj" if chip else "out_proj"
        self.out_proj: Any = CrossbarLinear.from_digital(self.out_proj, self.config, name)
        # what torch.nn.TransformerEncoderLayer asks before it reads the weights by itself
        self._qkv_same_embed_dim = False

    def _matrices(self) -> Iterator[Matrix]:
        packed: Tensor | None = self.in_proj_weight
        weights = (
            (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight) if packed is None
            else packed.chunk(3)
        )
        offsets: Any = (
            (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        )
        for name, weight, bias in zip("qkv", weights, offsets, strict=True):
            yield f"crossbars_{name}", weight, bias, 1

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None,
        need_weights: bool = True, attn_mask: Tensor | None = None,
        average_attn_weights: bool = True, is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the output and, with `need_weights`, the attention weights.

        Shapes, masks and options as in `torch.nn.MultiheadAttention.forward`.
        """
        batched = query.ndim == 3
        self._check_shapes(query, key, value, is_causal=is_causal and attn_mask is None)
        if not batched:
            query, key, value = (x.unsqueeze(0) for x in (query, key, value))
            if key_padding_mask is not None:
                key_padding_mask = key_padding_mask.unsqueeze(0)
        elif not self.batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        q, k, v = (
            product(crossbars, x, weight, bias) for x, (crossbars, weight, bias) in
            zip((query, key, value), self.stored_matrices(), strict=True)
        )
        mask = self._mask(q, k, attn_mask, key_padding_mask)
        k, v, mask = self._extend(k, v, mask)
        heads, weights = self._attend(
            self._heads(q), self._heads(k), self._heads(v), mask, need_weights=need_weights
        )
        y: Tensor = self.out_proj(heads.transpose(1, 2).flatten(2))
        if weights is not None and average_attn_weights:
            weights = weights.mean(dim=1)
        if not batched:
            return y.squeeze(0), None if weights is None else weights.squeeze(0)
        return y if self.batch_first else y.transpose(0, 1), weights

    def _check_shapes(
        self, query: Tensor, key: Tensor, value: Tensor, *, is_causal: bool
    ) -> None:
        sizes = (self.embed_dim, self.kdim, self.vdim)
        for name, x, size in zip(
            ("query", "key", "value"), (query, key, value), sizes, strict=True
        ):
            if x.ndim not in (2, 3) or x.ndim != query.ndim or x.shape[-1] != size:
                raise ParameterError(
                    f"`{name}` must have two axes or, with a batch, three as the others, the last "
                    f"of {size}; got {tuple(x.shape)}"
                )
            if x.is_nested:
                raise ParameterError(f"`{name}` must not be nested: pad it")
        axis = 0 if self.batch_first else 1
        if query.ndim == 3 and query.shape[axis] != key.shape[axis]:
            raise ParameterError(
                f"`query` {tuple(query.shape)} and `key` {tuple(key.shape)} must be of one batch"
            )
        if key.shape[:-1] != value.shape[:-1]:
            raise ParameterError(
                f"`key` {tuple(key.shape)} and `value` {tuple(value.shape)} must be of one length"
            )
        if is_causal:
            raise ParameterError("`is_causal` is a hint about `attn_mask`: give that too")

    def _mask(
        self, q: Tensor, k: Tensor, attn_mask: Tensor | None, padding: Tensor | None
    ) -> Tensor | None:
        """Return what is added to the scores, (B, heads, L, S) or axes of 1, or None."""
        batch, length, source = len(q), q.shape[1], k.shape[1]
        found: Tensor | None = None
        if attn_mask is not None:
            shape = tuple(attn_mask.shape)
            if shape not in ((length, source), (batch * self.num_heads, length, source)):
                raise ParameterError(
                    f"`attn_mask` must have shape ({length}, {source}) or "
                    f"({batch * self.num_heads}, {length}, {source}); got {shape}"
                )
            found = _added("attn_mask", attn_mask, q)
            found = found.reshape(-1, 1 if found.ndim == 2 else self.num_heads, length, source)
        if padding is not None:
            if tuple(padding.shape) != (batch, source):
                raise ParameterError(
                    f"`key_padding_mask` must have shape ({batch}, {source}); got "
                    f"{tuple(padding.shape)}"
                )
            ends = _added("key_padding_mask", padding, q).reshape(batch, 1, 1, source)
            found = ends if found is None else found + ends
        return found

    def _extend(
        self, k: Tensor, v: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Append the learnt and the zero entries to keys and values; they are never masked."""
        if self.bias_k is not None and self.bias_v is not None:
            k = torch.cat([k, self.bias_k.expand(len(k), 1, -1)], dim=1)
            v = torch.cat([v, self.bias_v.expand(len(v), 1, -1)], dim=1)
            mask = None if mask is None else F.pad(mask, (0, 1))
        if self.add_zero_attn:
            k, v = (torch.cat([x, x.new_zeros(x.shape[0], 1, x.shape[2])], dim=1) for x in (k, v))
            mask = None if mask is None else F.pad(mask, (0, 1))
        return k, v, mask

    def _heads(self, x: Tensor) -> Tensor:
        """Return (B, L, embed_dim) as (B, heads, L, size)."""
        return x.reshape(*x.shape[:2], self.num_heads, self.head_dim).transpose(1, 2)

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, *, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Return the heads' outputs (B, heads, L, size) and weights (B, heads, L, S)."""
        dropout = self.dropout if self.training else 0.0
        if not need_weights:
            return F.scaled_dot_product_attention(q, k, v, mask, dropout), None
        scores = (q * math.sqrt(1.0 / q.shape[-1])) @ k.transpose(-2, -1)
        weights = torch.softmax(scores if mask is None else scores + mask, dim=-1)
        if dropout > 0:
            weights = F.dropout(weights, dropout)
        return weights @ v, weights


def _added(name: str, mask: Tensor, like: Tensor) -> Tensor:
    """Return a mask as what is added to scores: where a boolean one is True, minus infinity."""
    if mask.dtype == torch.bool:
        return torch.zeros_like(mask, dtype=like.dtype).masked_fill(mask, -math.inf)
    if not mask.is_floating_point():
        raise ParameterError(f"`{name}` must be bool or floating; got {mask.dtype}")
    return mask
