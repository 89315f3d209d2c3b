"""The report's numbers against their definitions."""

import numpy as np
import pytest
import torch
from torch import nn

from crossbarsim import Crossbar, ParameterError, Solver, Wires
from crossbarsim.core.draws import Place
from crossbarsim.nn import CrossbarConfig, calibrate, convert, report
from crossbarsim.nonidealities import Faults, NonIdealities, Normal, SinhIV, Variability
from crossbarsim.periphery import ADC, DAC, Periphery, layer_cost

torch.set_num_threads(1)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(96, 10)).double()


def test_errors_are_those_of_weights_and_outputs():
    model = network()
    config = CrossbarConfig(tile_shape=(32, 16), wires=Wires(5.0, 5.0), r_on_sigma=0.1)
    chip = convert(model, config)
    x = torch.randn(4, 3, 4, 4, dtype=torch.float64)
    found = report(chip, x)
    rows = {row.name: row for row in found.layers}
    even = convert(model, config.replace(wires=Wires()))
    with torch.no_grad():
        realised, without = (c[3].effective_weights().detach() for c in (chip, even))
        weight = model[3].weight.detach()
        hidden = model[:3](x)
        wrong = (chip[3](hidden) - model[3](hidden)).norm() / model[3](hidden).norm()
        whole = (chip(x) - model(x)).norm() / model(x).norm()
    assert rows["3"].weight_error == pytest.approx(float((realised - weight).norm() / weight.norm()))
    assert rows["3"].ir_drop == pytest.approx(float((realised - without).norm() / without.norm()))
    assert 0 < rows["3"].ir_drop != rows["3"].weight_error
    assert rows["3"].output_error == pytest.approx(wrong.item())
    assert found.output_error == pytest.approx(whole.item())
    assert "outputs of the network" in str(found)
    assert not any(hasattr(m, "observer") and m.observer for m in chip.modules())


def test_counts_need_no_solution_and_ideal_crossbars_have_no_error():
    chip = convert(network(), CrossbarConfig(tile_shape=(32, 16)))
    rows = {row.name: row for row in report(chip, errors=False).layers}
    assert (rows["3"].tiles, rows["3"].arrays, rows["3"].used) == (3, 6, 2 * 960)
    assert rows["3"].weight_error is None
    ideal = report(convert(network(), CrossbarConfig.ideal((32, 16))))
    assert all(row.weight_error < 1e-12 for row in ideal.layers if row.converted)
    assert ideal.output_error is None
    assert ideal.cost is None


@pytest.mark.parametrize("encoding", ["bipolar", "two-phase"])
def test_cost_is_that_of_the_periphery_and_the_arrays_power(encoding):
    model = network()
    periphery = Periphery(dac=DAC(bits=6), adc=ADC(bits=7))
    config = CrossbarConfig(tile_shape=(32, 16), wires=Wires(2.0, 2.0), periphery=periphery,
                            input_encoding=encoding)
    chip = convert(model, config)
    x = torch.randn(4, 3, 4, 4, dtype=torch.float64)
    with pytest.raises(ParameterError, match="calibrate"):
        report(chip, x)
    calibrate(chip, [x])
    found = report(chip, x)
    row = {row.name: row for row in found.layers}["3"]
    reach = chip[3].input_range
    with torch.no_grad():
        u = model[:3](x).numpy() / reach
    code = np.floor(u * 63 + 0.5) / 63  # unsigned after the ReLU, one phase
    power = 0.0
    for block, cells in chip[3].crossbars.arrays(chip[3].weight, chip[3].bias):
        for g in cells:
            xbar = Crossbar(g.detach().numpy(), config.wires)
            power += Solver(method="mna").solve(xbar, 0.2 * code[:, block.tile.rows]).power.mean()
    expected = layer_cost(
        periphery, [(32, 10)] * 6, macs=960, array_power=power, encoding=encoding,
        signed_inputs=False, activity=float((u**2).mean()),
    )
    assert row.cost.energy.total == pytest.approx(expected.energy.total, rel=1e-9)
    assert row.cost.latency == expected.latency
    assert row.cost.area.total == pytest.approx(expected.area.total)
    assert {r.name: r for r in found.layers}["0"].cost.macs == 16 * 6 * 27
    assert found.cost.latency == sum(r.cost.latency for r in found.layers if r.converted)
    table = found.to_dataframe()
    assert table.loc[table["name"] == "3", "energy"].item() == row.cost.energy.total
    assert len(str(found).splitlines()) == 6


@pytest.mark.parametrize("subtraction", ["digital", "analog"])
@pytest.mark.parametrize("mapping", [
    {}, {"pairing": "interleaved"}, {"scheme": "offset"}, {"scheme": "single"},
    {"bits": 5, "bits_per_cell": 2}, {"bits": 5, "bits_per_cell": 2, "slicing": "arrays"},
    {"bits": 5, "bits_per_cell": 2, "scheme": "offset", "slicing": "arrays"},
])
@pytest.mark.parametrize("copies", [1, 3])
def test_conversions_are_those_that_a_read_makes(subtraction, mapping, copies):
    periphery = Periphery(adc=ADC(columns=4), subtraction=subtraction)
    chip = convert(nn.Linear(20, 7).double(), CrossbarConfig(
        tile_shape=(16, 32), wires=Wires(), cells_per_weight=copies, periphery=periphery, **mapping))
    x = torch.randn(5, 20, dtype=torch.float64)
    calibrate(chip, [x])
    seen = []
    with torch.no_grad():
        chip.crossbars.read(x[:, None], chip.weight, chip.bias, observe=lambda s: seen.append(s.shape[1]))
    cost = report(chip, x, errors=False).layers[0].cost
    assert cost.conversions == sum(seen)
    assert cost.area.adc == pytest.approx(sum(-(-n // 4) for n in seen) * 1200e-12)
    assert cost.latency == pytest.approx(100e-9 + min(4, max(seen)) / 1.28e9)


def test_faulty_and_resampled_cells_are_counted():
    effects = NonIdealities(
        variability=(Variability("r_on", Normal(0.3)), Variability("r_off", Normal(0.3))),
        faults=Faults(stuck_on=0.05, dead_rows=0.1),
    )
    config = CrossbarConfig(tile_shape=(16, 8), g_on=1e-4, g_off=4e-5, nonidealities=effects, seed=3)
    chip = convert(nn.Sequential(nn.Linear(40, 12), nn.ReLU()), config)
    found = report(chip)
    faulty = resampled = 0
    for block in chip[0].crossbars.blocks():
        for array in ("positive", "negative"):
            place = Place(3, "0/0", array, block.tile.index)
            fab = effects.fabricate(place, block.tile.shape, 1e-4, 4e-5)
            faulty, resampled = faulty + int((~np.isnan(fab.stuck)).sum()), resampled + fab.resampled
    assert (found.layers[-2].faulty, found.layers[-2].resampled) == (faulty, resampled)
    assert min(faulty, resampled) > 20
    assert f"cells faulty: {faulty} of 960" in str(found)
    assert f"cells drawn again (R_on met R_off): {resampled} of 960" in str(found)
    assert report(chip, errors=False).layers[-2].resampled is None
    # a saved chip says it, too
    other = convert(nn.Sequential(nn.Linear(40, 12), nn.ReLU()), config.replace(seed=4))
    other.load_state_dict(chip.state_dict())
    assert (report(other).layers[-2].faulty, report(other).layers[-2].resampled) == (faulty, resampled)


def test_saturated_inputs_are_counted():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)).double()
    chip = convert(model, CrossbarConfig(periphery=Periphery(dac=DAC(bits=8))))
    calibrate(chip, [torch.eye(4, dtype=torch.float64)])
    assert chip[0].crossbars.ranges.signed is False
    # two of eight are above 1, one is below 0, where there is no phase for it
    x = torch.tensor([[0.5, 2.0, 1.0, 0.0], [-0.1, 0.2, 1.1, 0.3]], dtype=torch.float64)
    found = report(chip, x)
    assert found.layers[-3].saturated == 3 / 8
    assert "inputs beyond their range: 0 37.50%" in str(found)
    assert report(chip).layers[-3].saturated is None
    exact = convert(model, CrossbarConfig())
    assert report(exact, x).layers[-3].saturated is None


def test_curved_cells_have_output_errors_and_power():
    chip = convert(nn.Sequential(nn.Linear(6, 4)).double(), CrossbarConfig(
        nonidealities=NonIdealities(iv=SinhIV(0.2)), input_range=1.0))
    row = report(chip, torch.rand(5, 6, dtype=torch.float64)).layers[-1]
    assert row.weight_error is None
    assert row.ir_drop is None
    assert 1e-3 < row.output_error < 0.5
    assert row.cost.energy.array > 0


def test_the_surrogate_says_how_far_it_is_off():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(10, 4)).double()
    x = torch.randn(30, 10, dtype=torch.float64)
    config = CrossbarConfig(nonidealities=NonIdealities(iv=SinhIV(0.2)), path="surrogate")
    chip = convert(model, config)
    calibrate(chip, [x])
    exact = convert(model, config.replace(path="auto", input_range=chip[0].input_range))
    places = [0, 10, 19, 29]
    with torch.no_grad():
        right = exact(x[places]) - model[0].bias
        wrong = chip(x[places]) - model[0].bias
    row = report(chip, x).layers[-1]
    assert row.surrogate_error == pytest.approx(((wrong - right).norm() / right.norm()).item())
    assert 1e-4 < row.surrogate_error < 0.05


def true_power(layer, images, config):
    """Return the mean power of a convolution's arrays over all patches of all images, watt."""
    with torch.no_grad():
        patches = nn.functional.unfold(images, layer.kernel_size, padding=layer.padding)
        u = (patches.transpose(1, 2).flatten(0, 1) / layer.input_range).clamp(-1, 1)
        total = 0.0
        for block, cells in layer.crossbars.arrays(layer.weight, layer.bias):
            for g in cells:
                xbar = Crossbar(g.detach().numpy(), config.wires)
                volts = 0.2 * u[:, block.tile.rows].numpy()
                total += Solver(method="mna").solve(xbar, volts).power.mean()
    return total


def pictures(count, seed=0):
    """Return images that are dark in most places, as digits are."""
    x = torch.rand(count, 1, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return torch.where(x > 0.8, x, 0.0) * (torch.arange(12) > 5)


@pytest.mark.parametrize("images", [1, 4, 32])
def test_array_energy_without_wires_is_exact(images):
    config = CrossbarConfig(tile_shape=(16, 8), wires=Wires(), bias="digital")
    layer = convert(nn.Conv2d(1, 5, 5, padding=2).double(), config)
    x = pictures(images)
    calibrate(layer, [x])
    cost = report(layer, x, errors=False).layers[0].cost
    right = true_power(layer, x, config) * 100e-9 * 144
    assert cost.energy.array == pytest.approx(right, rel=1e-9)
    assert cost.array_error == 0.0


def test_array_energy_with_wires_is_unbiased_and_knows_its_error():
    config = CrossbarConfig(tile_shape=(32, 16), wires=Wires(50.0, 50.0), bias="digital")
    layer = convert(nn.Conv2d(1, 5, 5, padding=2).double(), config)
    x = pictures(16)
    calibrate(layer, [x])
    right = true_power(layer, x, config) * 100e-9 * 144
    misses = []
    for k in range(12):  # in another order other vectors are drawn
        order = torch.randperm(16, generator=torch.Generator().manual_seed(k))
        cost = report(layer, x[order], errors=False).layers[0].cost
        misses.append((cost.energy.array - right) / right)
        assert 0 < cost.array_error < 0.05 * right
        assert abs(cost.energy.array - right) < 5 * cost.array_error
    spread = np.std(misses) / np.sqrt(len(misses))
    assert np.std(misses) < 0.03
    assert abs(np.mean(misses)) < 3.5 * spread
    found = report(layer, x, errors=False)
    assert found.to_dataframe()["array_error"][0] == found.layers[0].cost.array_error


def test_array_energy_over_several_calls_and_curved_cells():
    effects = NonIdealities(iv=SinhIV(0.2))
    config = CrossbarConfig(tile_shape=(16, 8), wires=Wires(2.0, 2.0), nonidealities=effects, bias="digital")
    layer = convert(nn.Linear(12, 6).double(), config)
    x = torch.rand(200, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) ** 4
    calibrate(layer, [x])
    u = (x / layer.input_range).clamp(-1, 1)
    right = 0.0
    for block, cells in layer.crossbars.arrays(layer.weight, layer.bias):
        for g in cells:
            xbar = Crossbar(cells=effects.iv.cells(g.detach().numpy()), wires=config.wires)
            right += Solver().solve(xbar, 0.2 * u[:, block.tile.rows].numpy()).power.mean() * 100e-9
    found = report(layer, x, errors=False).layers[0].cost
    assert abs(found.energy.array - right) < 4 * found.array_error
    assert found.array_error < 0.1 * right


def test_arrays_side_by_side_count_once_in_the_latency():
    config = CrossbarConfig(tile_shape=(32, 32), wires=Wires(), periphery=Periphery(adc=ADC(columns=8)))
    attention = convert(nn.MultiheadAttention(16, 2, batch_first=True).double(), config)
    x = torch.randn(2, 3, 16, dtype=torch.float64)
    calibrate(attention, [(x, x, x)], forward=lambda m, a: m(*a))
    rows = {r.name: r for r in report(attention, (x, x, x), errors=False, forward=lambda m, a: m(*a)).layers}
    read = 100e-9 + 8 / 1.28e9
    assert rows[""].cost.latency == pytest.approx(3 * read)
    assert rows[""].cost.conversions == 3 * rows["out_proj"].cost.conversions
    for layers, both in ((1, False), (2, True)):
        lstm = convert(nn.LSTM(8, 5, layers, bidirectional=both, batch_first=True).double(), config)
        sequence = torch.randn(2, 4, 8, dtype=torch.float64)
        calibrate(lstm, [sequence])
        found = report(lstm, sequence, errors=False).layers[0].cost
        assert found.latency == pytest.approx(layers * 4 * read)
    projected = convert(nn.LSTM(8, 5, proj_size=3, batch_first=True).double(), config)
    calibrate(projected, [sequence])
    two = report(projected, sequence, errors=False).layers[0].cost
    assert two.latency == pytest.approx(4 * (100e-9 + 8 / 1.28e9) + 4 * (100e-9 + 3 / 1.28e9))
