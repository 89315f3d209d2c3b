"""Look-up tables and attention on crossbars against torch's own."""

import itertools

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from crossbarsim import ParameterError, Wires
from crossbarsim.nn import CrossbarConfig
from crossbarsim.nn.layers import (
    CrossbarEmbedding,
    CrossbarEmbeddingBag,
    CrossbarLinear,
    CrossbarMultiheadAttention,
)

torch.set_num_threads(1)
RANDOM = settings(max_examples=12, deadline=None, derandomize=True,
                  suppress_health_check=[HealthCheck.function_scoped_fixture])


@RANDOM
@given(st.integers(2, 40), st.integers(1, 15), st.booleans(), st.booleans(), st.integers(0, 2))
def test_embeddings(agrees, entries, size, padded, by_frequency, axes):
    torch.manual_seed(0)
    layer = nn.Embedding(entries, size, padding_idx=1 if padded else None,
                         scale_grad_by_freq=by_frequency)
    agrees(CrossbarEmbedding, layer, torch.randint(0, entries, (3,) * axes))


@RANDOM
@given(st.sampled_from(["sum", "mean", "max"]), st.booleans(), st.booleans(), st.booleans(),
       st.booleans())
def test_bags(agrees, mode, padded, by_frequency, flat, weighed):
    torch.manual_seed(0)
    last = flat and padded
    layer = nn.EmbeddingBag(11, 5, mode=mode, padding_idx=2 if padded else None,
                            include_last_offset=last,
                            scale_grad_by_freq=by_frequency and mode != "max")
    index = torch.randint(0, 11, (9,) if flat else (3, 4))
    offsets = (torch.tensor([0, 2, 2, 9] if last else [0, 2, 2])) if flat else None
    weights = torch.rand(index.shape, dtype=torch.float64) if weighed and mode == "sum" else None
    agrees(CrossbarEmbeddingBag, layer, index, offsets, weights)


def test_embedding_is_the_column_of_one_driven_line(monkeypatch):
    torch.manual_seed(1)
    layer = nn.Embedding(30, 7).double()
    indices = torch.tensor([[3, 29], [0, 3]])
    wires = {"wires": Wires(30.0, 30.0), "tile_shape": (8, 8)}
    with torch.no_grad():
        by_matrix = CrossbarEmbedding.from_digital(
            layer, CrossbarConfig(path="matrix", **wires))(indices)
        chip = CrossbarEmbedding.from_digital(layer, CrossbarConfig(path="vectors", **wires))
        by_vectors = chip(indices)
        monkeypatch.setattr("crossbarsim.nn.layers.embedding.CHUNK", 45)
        in_pieces = chip(indices)
    assert chip.input_range == 1.0
    torch.testing.assert_close(by_vectors, by_matrix, rtol=0, atol=1e-9)
    torch.testing.assert_close(in_pieces, by_vectors, rtol=0, atol=1e-12)
    assert torch.equal(by_vectors[0, 0], by_vectors[1, 1])
    assert (by_vectors - layer(indices)).abs().max() > 1e-3


@st.composite
def attentions(draw):
    heads = draw(st.integers(1, 3))
    size = heads * draw(st.integers(1, 3))
    options = {
        "bias": draw(st.booleans()), "add_bias_kv": draw(st.booleans()),
        "add_zero_attn": draw(st.booleans()), "batch_first": draw(st.booleans()),
        "kdim": draw(st.sampled_from([None, 4])), "vdim": draw(st.sampled_from([None, 5])),
        "dropout": draw(st.sampled_from([0.0, 0.3])),
    }
    call = {
        "need_weights": draw(st.booleans()), "average_attn_weights": draw(st.booleans()),
        "attn_mask": draw(st.sampled_from([None, "plane", "all"])),
        "padding": draw(st.booleans()), "boolean": draw(st.booleans()),
        "batched": draw(st.booleans()), "train": draw(st.booleans()),
    }
    return size, heads, options, call


class Called(nn.Module):
    """Attention called with keywords."""

    def __init__(self, attention, keywords):
        super().__init__()
        self.attention, self.keywords = attention, keywords

    def forward(self, *inputs):
        return self.attention(*inputs, **self.keywords)

    @classmethod
    def from_digital(cls, layer, config, chip):
        inner = CrossbarMultiheadAttention.from_digital(layer.attention, config, chip)
        return cls(inner, layer.keywords).train(layer.training)


def masked(boolean, *shape):
    hidden = torch.rand(*shape) > 0.6
    hidden[..., 0] = False  # something is left to attend to
    if boolean:
        return hidden
    return torch.randn(*shape, dtype=torch.float64).masked_fill(hidden, -torch.inf)


@RANDOM
@given(attentions(), st.sampled_from(["digital", "chip"]))
def test_attention(agrees, case, bias):
    size, heads, options, call = case
    torch.manual_seed(2)
    layer = nn.MultiheadAttention(size, heads, **options)
    with torch.no_grad():
        for p in layer.parameters():  # torch begins with biases of 0
            p.add_(0.1 * torch.randn_like(p))
    B, L, S = 2, 3, 4
    def sequence(length, features):
        if not call["batched"]:
            return torch.randn(length, features, dtype=torch.float64)
        shape = (B, length) if options["batch_first"] else (length, B)
        return torch.randn(*shape, features, dtype=torch.float64)
    q, k, v = (sequence(n, d or size) for n, d in
               ((L, None), (S, options["kdim"]), (S, options["vdim"])))
    rows = (B,) if call["batched"] else ()
    masks = {None: None, "plane": (L, S), "all": ((B if call["batched"] else 1) * heads, L, S)}
    shape = masks[call["attn_mask"]]
    keywords = {
        "need_weights": call["need_weights"], "average_attn_weights": call["average_attn_weights"],
        "attn_mask": None if shape is None else masked(call["boolean"], *shape),
        "key_padding_mask": masked(call["boolean"], *rows, S) if call["padding"] else None,
    }
    agrees(Called, Called(layer, keywords).train(call["train"]), q, k, v, bias=bias)


def test_a_causal_mask(agrees):
    torch.manual_seed(3)
    mask = nn.Transformer.generate_square_subsequent_mask(4, dtype=torch.float64)
    x = torch.randn(4, 2, 6, dtype=torch.float64)
    layer = nn.MultiheadAttention(6, 2)
    for weights in (True, False):
        keywords = {"attn_mask": mask, "is_causal": True, "need_weights": weights}
        agrees(Called, Called(layer, keywords), x, x, x)


def test_all_four_projections_are_on_crossbars():
    torch.manual_seed(4)
    layer = nn.MultiheadAttention(8, 2, batch_first=True).double().eval()
    config = CrossbarConfig(wires=Wires(40.0, 40.0), tile_shape=(8, 8), path="matrix")
    x = torch.randn(2, 3, 8, dtype=torch.float64)
    chip = CrossbarMultiheadAttention.from_digital(layer, config, "attention")
    assert isinstance(chip.out_proj, CrossbarLinear)
    assert list(layer.state_dict()) == [
        name for name in chip.state_dict() if "crossbars" not in name
    ]
    with torch.no_grad():
        real = chip(x, x, x)[0]
        assert (real - layer(x, x, x)[0]).abs().max() > 1e-3
        outputs = []
        for name, matrix in (("crossbars_q", 0), ("crossbars_k", 1), ("crossbars_v", 2)):
            stored = getattr(chip, name)
            w, b = layer.in_proj_weight.chunk(3)[matrix], layer.in_proj_bias.chunk(3)[matrix]
            outputs.append(nn.functional.linear(x, *stored.effective(w, b)))
        q, k, v = (y.unflatten(2, (2, 4)).transpose(1, 2) for y in outputs)
        heads = nn.functional.scaled_dot_product_attention(q, k, v)
        expected = chip.out_proj(heads.transpose(1, 2).flatten(2))
    torch.testing.assert_close(real, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: CrossbarEmbedding(3, 2, max_norm=1.0), "max_norm"),
    (lambda: CrossbarEmbedding(3, 2, sparse=True), "sparse"),
    (lambda: CrossbarMultiheadAttention(4, 2)(*torch.ones(3, 2, 3)), "`query` must have"),
    (lambda: CrossbarMultiheadAttention(4, 2)(
        torch.ones(2, 3, 4), torch.ones(2, 1, 4), torch.ones(2, 1, 4)), "one batch"),
    (lambda: CrossbarMultiheadAttention(4, 2)(*torch.ones(3, 2, 4), is_causal=True), "hint"),
    (lambda: CrossbarMultiheadAttention(4, 2)(
        *torch.ones(3, 2, 4), attn_mask=torch.ones(2, 3)), "`attn_mask` must have shape"),
    (lambda: CrossbarMultiheadAttention(4, 2)(
        *torch.ones(3, 2, 4), attn_mask=torch.ones(2, 2).int()), "bool or floating"),
    (lambda: CrossbarMultiheadAttention(4, 2)(
        *torch.ones(3, 2, 4), key_padding_mask=torch.ones(3)), "`key_padding_mask` must"),
])
def test_mistakes_are_named(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def test_indices_out_of_range_are_refused():
    for path, table in itertools.product(("vectors", "matrix"), (nn.Embedding(3, 2),)):
        chip = CrossbarEmbedding.from_digital(table, CrossbarConfig(path=path))
        with pytest.raises((IndexError, RuntimeError)):
            chip(torch.tensor([3]))
