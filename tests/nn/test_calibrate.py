"""Ranges and corrections found from data."""

import numpy as np
import pytest
import torch
from torch import nn

from crossbarsim import ParameterError, Wires
from crossbarsim.nn import CrossbarConfig, CrossbarLinear, calibrate, convert
from crossbarsim.nonidealities import NonIdealities, SinhIV
from crossbarsim.periphery import ADC, DAC, Periphery, TransimpedanceSense

torch.set_num_threads(1)


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(2, 6, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(96, 10),
                         nn.ReLU(), nn.Linear(10, 4)).double()


def batches(count=3, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(5, 2, 4, 4, generator=generator, dtype=torch.float64) for _ in range(count)]


CONFIG = CrossbarConfig(tile_shape=(32, 16), periphery=Periphery(dac=DAC(bits=8), adc=ADC(bits=10, percentile=100.0)))


def test_ranges_are_those_of_the_digital_network():
    model, data = network(), batches()
    chip = convert(model, CONFIG)
    with pytest.raises(ParameterError, match="calibrate"):
        chip(data[0])
    found = calibrate(chip, [(x, None) for x in data])
    x = torch.cat(data)
    with torch.no_grad():
        hidden = model[:3](x)
        last = model[:5](x)
    assert found == pytest.approx({"0": x.abs().max().item(), "3": hidden.max().item(), "5": last.max().item()}, rel=1e-12)
    assert [found.matrices[k].signed for k in ("0", "3", "5")] == [True, False, False]
    assert chip[3].input_range == found["3"]
    # the range of the converters, from the currents of ideally wired arrays
    ideal = convert(model, CONFIG.replace(wires=Wires()))
    record = calibrate(ideal, data)
    scale = model[5].weight.detach().abs().max()
    level = model[5].weight.detach() / scale
    currents = [
        0.2 * last / last.max() @ (1e-6 + 99e-6 * (s * level).clamp(min=0)).T for s in (1, -1)
    ]
    expected = float(torch.stack(currents).max())
    assert record.matrices["5"].full_scale == pytest.approx(expected, rel=2e-2)  # 8-bit DAC
    with torch.no_grad():
        error = (chip(x) - model(x)).norm() / model(x).norm()
    assert 1e-4 < error < 0.05
    assert "ADC / uA" in str(found)


def test_calibration_does_not_touch_the_network():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    chip = convert(model, CONFIG)
    chip[1].eval()
    before = {k: v.clone() for k, v in chip.state_dict().items()}
    calibrate(chip, (torch.randn(8, 4) for _ in range(2)), correct=True)
    assert all(torch.equal(v, before[k]) for k, v in chip.state_dict().items()
               if k in before and not k.endswith("reads.count"))
    assert [m.training for m in chip] == [True, False, True, True]
    assert all(m.observer is None for m in chip.modules() if hasattr(m, "observer"))


def test_corrections_are_the_least_squares_line():
    torch.manual_seed(2)
    layer = nn.Linear(60, 8).double()
    x = torch.randn(300, 60, dtype=torch.float64)
    config = CrossbarConfig(
        tile_shape=(64, 32), wires=Wires(20.0, 20.0), input_range=5.0,
        periphery=Periphery(sense=TransimpedanceSense(r_feedback=1e3, offset=2e-3)),
    )
    chip = CrossbarLinear.from_digital(layer, config)
    with torch.no_grad():
        raw, wanted = chip(x) - layer.bias, layer(x) - layer.bias
    found = calibrate(chip, x.split(70), correct=True).matrices[""]
    for j in range(8):
        design = np.stack([raw[:, j].numpy(), np.ones(300)], axis=1)
        gain, offset = np.linalg.lstsq(design, wanted[:, j].detach().numpy(), rcond=None)[0]
        assert chip.crossbars.ranges.gain[j] == pytest.approx(gain, rel=1e-9)
        assert chip.crossbars.ranges.offset[j] == pytest.approx(offset, rel=1e-6, abs=1e-9)
    with torch.no_grad():
        before = ((raw - wanted).norm() / wanted.norm()).item()
        after = ((chip(x) - layer(x)).norm() / wanted.norm()).item()
    assert found.error == pytest.approx(before, rel=1e-9)
    assert found.corrected_error == pytest.approx(after, rel=1e-6)
    assert after < 0.6 * before


@pytest.mark.parametrize("bias", ["digital", "chip"])
def test_corrections_act_on_the_effective_weights_too(bias):
    torch.manual_seed(3)
    layer = nn.Linear(100, 6).double()
    config = CrossbarConfig(tile_shape=(128, 32), wires=Wires(5.0, 5.0), bias=bias)
    x = torch.randn(50, 100, dtype=torch.float64)
    with torch.no_grad():
        outputs = []
        for path in ("matrix", "vectors"):
            chip = CrossbarLinear.from_digital(layer, config.replace(path=path))
            calibrate(chip, [x], correct=True)
            outputs.append(chip(x))
        plain = CrossbarLinear.from_digital(layer, config)(x)
        wanted = layer(x)
    torch.testing.assert_close(outputs[0], outputs[1], rtol=0, atol=1e-9)
    assert (outputs[0] - wanted).norm() < 0.7 * (plain - wanted).norm()


def test_the_surrogate_is_linearised_at_calibrated_inputs():
    torch.manual_seed(4)
    layer = nn.Linear(12, 5).double()
    x = torch.randn(40, 12, dtype=torch.float64)
    effects = NonIdealities(iv=SinhIV(0.3))
    config = CrossbarConfig(tile_shape=(16, 8), nonidealities=effects, path="surrogate", input_range=3.0)
    chip = CrossbarLinear.from_digital(layer, config)
    with pytest.raises(ParameterError, match="linearises at typical inputs"):
        chip(x)
    calibrate(chip, [x])
    exact = CrossbarLinear.from_digital(layer, config.replace(path="auto"))
    with torch.no_grad():
        error = (chip(x) - exact(x)).norm() / exact(x).norm()
        assert 1e-6 < error < 0.03
    state = chip.state_dict()
    again = CrossbarLinear.from_digital(layer, config)
    again.load_state_dict(state)
    assert torch.equal(again(x), chip(x))


def test_percentile_and_explicit_ranges():
    chip = convert(nn.Sequential(nn.Linear(4, 3)), CrossbarConfig())
    x = torch.cat([torch.ones(999, 4), torch.full((1, 4), 100.0)])
    assert calibrate(chip, [x], percentile=99.0)["0"] == pytest.approx(1.0, rel=0.01)
    fixed = convert(nn.Sequential(nn.Linear(4, 3)), CrossbarConfig(input_range=7.0, signed_inputs=True))
    found = calibrate(fixed, [x])
    assert found["0"] == 7.0
    assert found.matrices["0"].signed


def test_mistakes_are_named():
    chip = convert(nn.Sequential(nn.Linear(4, 3)), CrossbarConfig())
    for data, message in (([], "no batch"), ([torch.zeros(2, 4)], "'0' no input other than 0"),
                          (torch.ones(2, 4), "as a list")):
        with pytest.raises(ParameterError, match=message):
            calibrate(chip, data)
    with pytest.raises(ParameterError, match="convert it first"):
        calibrate(nn.Linear(2, 2), [])
    with pytest.raises(ParameterError, match="percentile"):
        calibrate(chip, [torch.ones(1, 4)], percentile=0.0)
