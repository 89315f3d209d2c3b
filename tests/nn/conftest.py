"""What tests of layers share."""

import copy

import pytest
import torch

from crossbarsim.nn import CrossbarConfig


def _leaves(value):
    if isinstance(value, torch.Tensor):
        return [value]
    if value is None:
        return []
    if isinstance(value, torch.nn.utils.rnn.PackedSequence):
        return [value.data]
    return [leaf for item in value for leaf in _leaves(item)]


def _run(layer, inputs, seed):
    """Outputs, and gradients of a sum with fixed weights by every input and parameter."""
    given = [x.detach().clone().requires_grad_() if isinstance(x, torch.Tensor)
             and x.is_floating_point() else x for x in inputs]
    torch.manual_seed(seed)  # of dropout
    outputs = _leaves(layer(*given))
    generator = torch.Generator().manual_seed(7)
    total = sum((y * torch.randn(y.shape, dtype=y.dtype, generator=generator)).sum()
                for y in outputs)
    leaves = [x for x in given if isinstance(x, torch.Tensor) and x.requires_grad]
    parameters = [p for p in layer.parameters() if p.requires_grad]
    grads = torch.autograd.grad(total, leaves + parameters, allow_unused=True)
    return outputs, grads


@pytest.fixture
def agrees():
    """Check a crossbar layer against torch's: outputs and gradients, by vectors and by matrix."""

    def check(kind, layer, *inputs, paths=("vectors", "matrix"), seed=3, atol=1e-10, **settings):
        layer = layer.double()
        expected, slopes = _run(layer, inputs, seed)
        for path in paths:
            config = CrossbarConfig.ideal(**{"tile_shape": (16, 12), "path": path, **settings})
            chip = kind.from_digital(copy.deepcopy(layer), config, "layer")
            found, grads = _run(chip, inputs, seed)
            for a, b in zip(found, expected, strict=True):
                torch.testing.assert_close(a, b, rtol=0, atol=atol)
            assert len(grads) == len(slopes)
            for a, b in zip(grads, slopes, strict=True):
                if b is None or a is None:
                    assert all(not g.any() for g in (a, b) if g is not None)
                else:
                    torch.testing.assert_close(a, b, rtol=1e-9, atol=atol)
            assert set(layer.state_dict()) <= set(chip.state_dict())

    return check
