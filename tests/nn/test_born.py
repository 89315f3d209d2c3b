"""First-order currents of curved cells: against exact ones, torch's own gradients, other laws."""

import numpy as np
import pytest
import torch
from torch import nn

from crossbarsim import Driven, Ends, Grounded, LoadResistor, ParameterError, Sensed, Solver, Wires
from crossbarsim.devices import StanfordPKU
from crossbarsim.nn import CrossbarConfig, CrossbarLinear, calibrate, report
from crossbarsim.nn.born import born_network, network
from crossbarsim.nn.functional import crossbar_currents
from crossbarsim.nn.nonlinear import cell_currents, linearised_matrix
from crossbarsim.nonidealities import DeviceIV, NonIdealities, PolynomialIV, SinhIV, TableIV

LAWS = {
    "sinh": SinhIV(0.25),
    "polynomial": PolynomialIV(c_2=0.4, c_3=2.0),
    "device": DeviceIV(StanfordPKU()),
    "table": TableIV(np.linspace(0, 0.4, 9), 1e-5 * np.sinh(np.linspace(0, 0.4, 9) / 0.2), odd=True),
}


def _case(rows=24, columns=10, count=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    G = 6e-6 + 9e-5 * torch.rand(rows, columns, generator=generator, dtype=torch.float64)
    V = 0.4 * torch.rand(count, rows, generator=generator, dtype=torch.float64) - 0.2
    return V, G


def _rms(found, exact):
    return float((found - exact).norm() / exact.norm())


@pytest.mark.parametrize("kind", LAWS)
def test_currents_are_far_better_than_one_linearisation(kind):
    V, G = _case()
    law, wires = LAWS[kind], {"word": 8.0, "bit": 5.0}
    born = born_network(G, law, V[:10], **wires)
    exact = cell_currents(V[10:], G, law, **wires)
    error = _rms(born.currents(V[10:], G), exact)
    assert not born.exact
    assert error < 1e-3
    assert 0.3 * error < born.error < 3.0 * error  # from other vectors
    matrix = linearised_matrix(G, law, V[:10], **wires)
    assert error < 0.15 * _rms(V[10:] @ matrix.T, exact)


def test_the_error_is_of_second_order_in_the_bend():
    """Half the bend (v_0 times root 2): a quarter of the error."""
    V, G = _case()
    errors = []
    for v_0 in (0.5, 0.5 * 2**0.5):
        born = born_network(G, SinhIV(v_0), V[:10], 30.0, 30.0)
        exact = cell_currents(V[10:], G, SinhIV(v_0), 30.0, 30.0)
        errors.append(_rms(born.currents(V[10:], G), exact))
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.25)


def test_no_wires_no_error():
    V, G = _case()
    born = born_network(G, SinhIV(0.2), V[:4])
    wanted = (G * 0.2 * torch.sinh(V[:, :, None] / 0.2)).sum(dim=1)
    assert _rms(born.currents(V, G), wanted) < 2e-6


def test_straight_cells_are_resistors():
    V, G = _case()
    born = born_network(G, SinhIV(1e3), V[:4], 10.0, 20.0)
    np.testing.assert_allclose(born.reference, G.numpy(), rtol=1e-6)
    assert _rms(born.currents(V, G), crossbar_currents(V, G, 10.0, 20.0)) < 1e-6


def test_ends_of_all_kinds():
    V, G = _case(12, 8)
    ends = Ends(
        word_left=Driven(resistance=20.0), word_right=Grounded(resistance=5e3),
        bit_top=Grounded(resistance=2e3), bit_bottom=Sensed(LoadResistor(50.0)),
    )
    options = {"word": 4.0, "bit": 6.0, "ends": ends, "driver": 3.0, "sense": 2.0}
    born = born_network(G, SinhIV(0.25), V[:8], **options)
    error = _rms(born.currents(V[8:], G), cell_currents(V[8:], G, SinhIV(0.25), **options))
    assert error < 1e-3


def test_the_batch_does_not_matter(monkeypatch):
    V, G = _case()
    born = born_network(G, SinhIV(0.2), V[:4], 5.0, 5.0)
    whole = born.currents(V, G)
    order = torch.randperm(len(V), generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr(network, "_AT_ONCE", 3 * G.numel())
    single = {"rtol": 0.0, "atol": 1e-6 * float(whole.abs().max())}
    torch.testing.assert_close(born.currents(V[order], G), whole[order], **single)
    torch.testing.assert_close(born.currents(V[3:4], G), whole[3:4], **single)
    assert born.currents(V[:0], G).shape == (0, 10)


def test_gradients_are_those_of_the_first_order_currents():
    """By torch's own differentiation of the same formula in double precision, and by differences."""
    V, G = _case(9, 7, 12)
    v_0 = 0.2
    born = born_network(G, SinhIV(v_0), V[:6], 30.0, 20.0)
    across, sensed = born._across.double(), born._sensed.double()
    reference = torch.from_numpy(born.reference).flatten()

    def formula(V, G):
        v = V @ across
        excess = G.flatten() * v_0 * torch.sinh(v / v_0) - reference * v
        return V @ born._matrix.double() + excess @ sensed.T

    weights = torch.randn(12, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found, wanted = [], []
    for target, function in ((found, born.currents), (wanted, formula)):
        x, g = V.clone().requires_grad_(), G.clone().requires_grad_()
        (function(x, g) * weights).sum().backward()
        target += [x.grad, g.grad]
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5 * float(b.abs().max()))
    step = 2e-3  # single precision
    for k in range(3):
        ahead, back = V.clone(), V.clone()
        ahead[k, k + 1] += step
        back[k, k + 1] -= step
        change = (born.currents(ahead, G) - born.currents(back, G)) * weights
        assert float(change.sum()) / (2 * step) == pytest.approx(float(found[0][k, k + 1]), rel=2e-3)


def test_gradients_are_nearly_exact():
    V, G = _case()
    law, wires = SinhIV(0.25), {"word": 5.0, "bit": 5.0}
    born = born_network(G, law, V[:10], **wires)
    weights = torch.randn(40, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    found = []
    for function in (born.currents, lambda x, g: cell_currents(x, g, law, **wires)):
        x, g = V.clone().requires_grad_(), G.clone().requires_grad_()
        (function(x, g) * weights).sum().backward()
        found.append((x.grad, g.grad))
    for a, b in zip(*found, strict=True):
        assert _rms(a, b) < 0.02


def test_where_first_order_is_not_enough_inputs_are_solved():
    V, G = _case(20, 8)
    law = SinhIV(0.05)
    born = born_network(G, law, V[:6], 150.0, 150.0)
    assert born.error > network.ERROR
    assert born.exact
    x = V[6:].clone().requires_grad_()
    found = born.currents(x, G)
    assert _rms(found.detach(), cell_currents(V[6:], G, law, 150.0, 150.0)) < 1e-5
    found.sum().backward()
    assert x.grad.abs().min() > 0


def test_mistakes_are_named():
    V, G = _case()
    born = born_network(G, SinhIV(), V[:4], 1.0, 1.0, most=0.2)
    with pytest.raises(ParameterError, match=r"an input of 0\.4 V.*up to 0\.3 V"):
        born.currents(2 * V / V.abs().max() * 0.2, G)
    with pytest.raises(ParameterError, match="`G` must have shape"):
        born_network(G[0], SinhIV(), V[:4])
    with pytest.raises(ParameterError, match="characteristic"):
        born_network(G, None, V[:4])
    with pytest.raises(ParameterError, match="cells that are not linear"):
        CrossbarConfig(path="born")


def _layer(path, **settings):
    torch.manual_seed(4)
    layer = nn.Linear(20, 5).double()
    config = CrossbarConfig(
        tile_shape=(16, 8), wires=Wires(5.0, 5.0), nonidealities=NonIdealities(iv=SinhIV(0.2)),
        path=path, input_range=3.0, **settings,
    )
    return CrossbarLinear.from_digital(layer, config)


def test_layers_take_it():
    x = torch.randn(60, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    chip, exact = _layer("born"), _layer("auto")
    with pytest.raises(ParameterError, match='"born" linearises at typical inputs'):
        chip(x)
    calibrate(chip, [x])
    with torch.no_grad():
        error = _rms(chip(x) - chip.bias, exact(x) - chip.bias)
    assert 1e-7 < error < 1e-3
    row = report(chip, x).layers[-1]
    assert 1e-7 < row.surrogate_error < 1e-3
    again = _layer("born")
    again.load_state_dict(chip.state_dict())
    assert torch.equal(again(x), chip(x))


def test_layers_train_through_it():
    x = torch.randn(30, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    grads = []
    for path in ("born", "auto"):
        chip = _layer(path)
        calibrate(chip, [x])
        own = x.clone().requires_grad_()
        chip(own).square().sum().backward()
        grads.append((own.grad, chip.weight.grad))
    for a, b in zip(*grads, strict=True):
        assert _rms(a, b) < 0.02


def test_another_solver_gives_the_same():
    V, G = _case(8, 6, 8)
    found = [
        born_network(G, SinhIV(0.2), V[:4], 5.0, 5.0, solver=solver).currents(V, G)
        for solver in (Solver(), Solver(method="mna"))
    ]
    assert _rms(*found) < 1e-6
