"""Gains of every tile, and matrices cut into even tiles."""

import numpy as np
import pytest
import torch
from torch import nn

from crossbarsim import Wires
from crossbarsim.core.errors import ParameterError
from crossbarsim.nn import CrossbarConfig, bake, calibrate, convert
from crossbarsim.nn.calibrate import stored_names, tile_parts
from crossbarsim.periphery import ADC, DAC, Periphery

X = torch.from_numpy(np.random.default_rng(0).random((64, 40)))
IMAGES = torch.from_numpy(np.random.default_rng(1).random((3, 4, 6, 6)))
MIXED = {"reorder": "both", "tiling": "even"}


def linear():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(40, 11)).double()


def convolution():
    torch.manual_seed(2)
    return nn.Sequential(nn.Conv2d(4, 10, 3, groups=2)).double()


def on_chip(make, **options):
    return convert(make(), CrossbarConfig(**{"tile_shape": (16, 8), "wires": Wires(80.0, 80.0), **options}))


def test_gains_of_tiles_are_the_least_squares_of_what_tiles_give():
    chip = on_chip(linear)
    found = calibrate(chip, [X], correct="tiles").matrices["0"]
    stored, weight, bias = next(chip[0].stored_matrices())
    gain, offset = stored.ranges.gain, stored.ranges.offset
    assert gain.shape == (3, 11)
    stored.ranges = stored.ranges.replace(gain=None, offset=None)
    parts = tile_parts(stored, X[:, None], weight.detach(), bias).detach().numpy()
    wanted = (X @ weight.detach().T).numpy()
    for k in range(11):
        design = np.column_stack([parts[:, :, k], np.ones(64)])
        solution = np.linalg.lstsq(design, wanted[:, k], rcond=None)[0]
        assert np.allclose(solution, [*gain[:, k], offset[k]], rtol=1e-5, atol=1e-8)
    assert found.corrected_error < calibrate(chip, [X], correct=True).matrices["0"].corrected_error < found.error


@pytest.mark.parametrize("make", [linear, convolution])
@pytest.mark.parametrize("options", [
    {}, MIXED, {"bias": "chip", **MIXED}, {"grouping": "separate"}, {"scheme": "offset", "tiling": "even"},
])
def test_all_ways_to_read_agree(make, options):
    """Effective weights, the compiled read-out and the general one, saved and baked networks."""
    x = X if make is linear else IMAGES
    chip = on_chip(make, **options)
    calibrate(chip, [x], correct="tiles")
    with torch.no_grad():
        want = chip(x)
        # ADCs of 16 bits: the read-out goes through converters
        fine = on_chip(make, periphery=Periphery(dac=DAC(bits=16), adc=ADC(bits=16, percentile=100.0)), **options)
        calibrate(fine, [x], correct="tiles")
        assert torch.allclose(fine(x), want, rtol=0, atol=2e-3 * float(want.abs().max()))
        by_windows = fine(x)
    stored = next(iter(stored_names(fine).values()))
    leaf = x.clone().requires_grad_()
    assert torch.allclose(fine(leaf).detach(), by_windows, rtol=0, atol=1e-9)  # the general way
    other = on_chip(make, **options)
    other.load_state_dict(chip.state_dict())
    with torch.no_grad():
        assert torch.equal(other(x), want)
        assert torch.allclose(bake(chip)(x), want, rtol=0, atol=1e-12)
    assert stored.ranges.gain.ndim == 2


def test_gradients_of_gains_are_exact():
    chip = on_chip(linear, **MIXED)
    calibrate(chip, [X], correct="tiles")
    stored = chip[0].crossbars
    gain = stored.ranges.gain.clone().requires_grad_()

    def outputs(gains):
        stored.ranges = stored.ranges.replace(gain=gains)
        return chip(X).square().sum()

    outputs(gain).backward()
    step = torch.zeros_like(gain)
    step[1, 4] = 1e-4
    with torch.no_grad():
        slope = (outputs(gain + step) - outputs(gain - step)) / 2e-4
    assert float(gain.grad[1, 4]) == pytest.approx(float(slope), rel=1e-6)


def test_even_tiles_lose_less_and_are_as_many():
    full, even = on_chip(linear), on_chip(linear, tiling="even")
    sizes = [
        [block.tile.shape for block in next(m[0].stored_matrices())[0].blocks()] for m in (full, even)
    ]
    assert sizes[0] == [(16, 8), (16, 3), (16, 8), (16, 3), (8, 8), (8, 3)]
    assert sizes[1] == [(14, 6), (14, 5), (14, 6), (14, 5), (12, 6), (12, 5)]
    wanted = linear()(X)
    errors = [float((m(X) - wanted).detach().norm()) for m in (full, even)]
    assert errors[1] < errors[0]
    ideal = convert(linear(), CrossbarConfig.ideal((16, 8), tiling="even", reorder="both"))
    assert torch.allclose(ideal(X), wanted, rtol=0, atol=1e-12)


def test_gains_of_another_tiling_are_refused():
    chip = on_chip(linear)
    calibrate(chip, [X], correct="tiles")
    state = chip.state_dict()
    state["0.crossbars.range.gain"] = state["0.crossbars.range.gain"][:2]
    with pytest.raises(RuntimeError, match="gain"):
        on_chip(linear).load_state_dict(state)
    with pytest.raises(ParameterError, match="tiling"):
        CrossbarConfig(tiling="odd")
