"""Currents of curved cells as torch functions: differences, closed forms, surrogates."""

import numpy as np
import pytest
import torch

from crossbarsim import (
    BackendUnavailable,
    ConvergenceError,
    Crossbar,
    ParameterError,
    Solver,
    Wires,
)
from crossbarsim.devices import DataDriven2021, StanfordPKU
from crossbarsim.nn import nonlinear
from crossbarsim.nn.functional import crossbar_currents, effective_matrix
from crossbarsim.nn.nonlinear import (
    cell_currents,
    linearised_matrices,
    linearised_matrix,
    surrogate_error,
)
from crossbarsim.nonidealities.iv_curves import DeviceIV, PolynomialIV, SinhIV, TableIV

torch.set_num_threads(1)
VOLTS = np.array([0.05, 0.1, 0.17, 0.3, 0.45, 0.6])
LAWS = {
    "sinh": SinhIV(0.2),
    "polynomial": PolynomialIV(c_2=0.3, c_3=2.0, c_5=3.0),
    "device": DeviceIV(StanfordPKU()),
    "curve": TableIV(VOLTS, 1e-5 * np.sinh(VOLTS / 0.2), odd=True),
    "family": TableIV(VOLTS, [1e-6 * np.sinh(VOLTS / 0.15), 3e-4 * VOLTS], odd=True),
}
SOLVER = Solver(rtol=1e-13)


def draw(rng, *shape):
    return torch.tensor(10 ** rng.uniform(-5, -3.3, shape))


@pytest.mark.parametrize("name", LAWS)
def test_gradients_are_finite_differences(name):
    rng = np.random.default_rng(1)
    tensors = {
        "V": torch.tensor(rng.uniform(-0.4, 0.4, (2, 5))), "G": draw(rng, 5, 4),
        "word": torch.tensor(rng.uniform(5, 20, (5, 4))), "bit": torch.tensor(12.0, dtype=torch.float64),
    }
    weights = torch.tensor(rng.normal(size=(2, 4)))

    def loss(**changes):
        t = {**tensors, **changes}
        currents = cell_currents(
            t["V"], t["G"], LAWS[name], t["word"], t["bit"], driver=30.0, sense=20.0, solver=SOLVER
        )
        return (weights * currents).sum()

    leaves = {k: t.clone().requires_grad_() for k, t in tensors.items()}
    loss(**leaves).backward()
    for key, leaf in leaves.items():
        flat = tensors[key].reshape(-1)
        numeric = torch.empty_like(flat)
        for k in range(len(flat)):
            sides = []
            step = 1e-4 * float(flat[k].abs())
            for sign in (1, -1):
                moved = flat.clone()
                moved[k] += sign * step
                sides.append(loss(**{key: moved.reshape(tensors[key].shape)}))
            numeric[k] = (sides[0] - sides[1]) / (2 * step)
        torch.testing.assert_close(
            leaf.grad.reshape(-1), numeric, rtol=1e-5, atol=1e-6 * float(numeric.abs().max())
        )


def test_without_wires_gradients_have_closed_forms():
    rng = np.random.default_rng(2)
    V = torch.tensor(rng.uniform(-0.4, 0.4, (3, 6)), requires_grad=True)
    G = draw(rng, 6, 5).requires_grad_()
    currents = cell_currents(V, G, SinhIV(0.2))
    expected = (0.2 * torch.sinh(V / 0.2)) @ G
    torch.testing.assert_close(currents, expected, rtol=1e-11, atol=0)
    weights = torch.tensor(rng.normal(size=(3, 5)))
    exact = torch.autograd.grad((weights * expected).sum(), (V, G))
    found = torch.autograd.grad((weights * currents).sum(), (V, G))
    for a, b in zip(found, exact, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12 * float(b.abs().max()))


def test_little_curvature_is_linear():
    rng = np.random.default_rng(3)
    V, G = torch.tensor(rng.uniform(-0.4, 0.4, (4, 9))), draw(rng, 9, 7)
    wires = {"word": 5.0, "bit": 3.0, "driver": 20.0, "sense": 10.0}
    linear = crossbar_currents(V, G, **wires)
    gaps = [
        float((cell_currents(V, G, SinhIV(v_0), **wires) - linear).abs().max())
        for v_0 in (1.0, 10.0, 1000.0)
    ]
    assert gaps[2] < 1e-7 * float(linear.abs().max())
    # the gap falls with the square of 1 / v_0
    assert gaps[1] == pytest.approx(gaps[0] / 100, rel=0.1)
    assert gaps[2] == pytest.approx(gaps[1] / 1e4, rel=0.1)


def test_a_sinh_device_differs_from_its_linear_product_by_the_closed_form():
    # what a simulator that multiplies conductances with voltages leaves out (relative 4e-5 of it
    # in MemTorch's "sweep" mode, whatever the device): i = (a / R) sinh(b v)
    device = DataDriven2021()
    rng = np.random.default_rng(4)
    low, high = device.conductance_range()
    G = torch.tensor(rng.uniform(float(low), float(high), (8, 6)))
    V = torch.tensor(rng.uniform(0.2, 0.5, (3, 8)))
    found = cell_currents(V, G, DeviceIV(device))
    b, at = device.b, device.read_voltage
    factor = torch.sinh(b * V) / (V * np.sinh(b * at) / at)
    torch.testing.assert_close(found, (V * factor) @ G, rtol=1e-8, atol=0)
    linear = V @ G
    assert float(((found - linear) / linear).min()) > 0.05


def test_tiles_are_the_arrays_one_by_one():
    rng = np.random.default_rng(5)
    V, G = torch.tensor(rng.uniform(-0.3, 0.3, (3, 4, 6))), draw(rng, 3, 6, 5)
    V.requires_grad_()
    G.requires_grad_()
    together = cell_currents(V, G, SinhIV(0.2), 5.0, 5.0)
    apart = torch.stack([cell_currents(v, g, SinhIV(0.2), 5.0, 5.0) for v, g in zip(V, G, strict=True)])
    torch.testing.assert_close(together, apart, rtol=1e-8, atol=0)
    one = torch.autograd.grad((together**2).sum(), (V, G))
    two = torch.autograd.grad((apart**2).sum(), (V, G))
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9 * float(b.abs().max()))
    assert cell_currents(V[0, 0], G[0], SinhIV(0.2)).shape == (5,)
    assert cell_currents(V[0].float(), G[0].float(), SinhIV(0.2)).dtype == torch.float32


def test_order_and_batches_change_nothing():
    rng = np.random.default_rng(6)
    V, G = torch.tensor(rng.uniform(-0.3, 0.3, (12, 16))), draw(rng, 16, 16)
    whole = cell_currents(V, G, SinhIV(0.15), 8.0, 8.0)
    order = torch.randperm(12)
    torch.testing.assert_close(
        cell_currents(V[order], G, SinhIV(0.15), 8.0, 8.0), whole[order],
        rtol=0, atol=2e-10 * float(whole.abs().max()),
    )


def test_gradients_without_kept_fields(monkeypatch):
    rng = np.random.default_rng(11)
    leaves = [torch.tensor(rng.uniform(-0.3, 0.3, (2, 7, 6))), draw(rng, 2, 6, 5),
              torch.tensor(8.0, dtype=torch.float64), torch.tensor(rng.uniform(3, 9, (6, 5)))]
    leaves = [t.requires_grad_() for t in leaves]
    V, G, word, bit = leaves
    weights = torch.tensor(rng.normal(size=(2, 7, 5)))

    def grads():
        loss = (weights * cell_currents(V, G, SinhIV(0.2), word, bit)).sum()
        return torch.autograd.grad(loss, leaves)

    kept = grads()
    monkeypatch.setattr(nonlinear, "_KEPT", 3 * 30 * 2)  # two vectors at a time
    for a, b in zip(grads(), kept, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-10 * float(b.abs().max()))


@pytest.mark.parametrize("kind", ["fit", "secant", "tangent"])
def test_surrogates_of_straight_cells_are_exact(kind):
    rng = np.random.default_rng(7)
    V, G = torch.tensor(rng.uniform(-0.3, 0.3, (4, 9))), draw(rng, 9, 7)
    wires = {"word": 5.0, "bit": 3.0, "driver": 20.0, "sense": 10.0}
    W = linearised_matrix(G, SinhIV(1e5), V.numpy(), kind=kind, **wires)
    torch.testing.assert_close(W, effective_matrix(G, **wires), rtol=1e-8, atol=0)


def test_the_fit_is_the_best_of_the_surrogates():
    rng = np.random.default_rng(8)
    G = draw(rng, 32, 24)
    at, V = rng.uniform(-0.2, 0.2, (24, 32)), torch.tensor(rng.uniform(-0.2, 0.2, (64, 32)))
    wires = {"word": 2.0, "bit": 2.0, "driver": 50.0, "sense": 50.0}
    law = SinhIV(0.25)
    errors = {}
    for kind in ("fit", "secant", "tangent"):
        W = linearised_matrix(G, law, at, kind=kind, **wires)
        errors[kind] = surrogate_error(W, V, G, law, **wires)
    assert errors["fit"].rms < errors["secant"].rms < errors["tangent"].rms
    assert errors["fit"].rms < 0.02
    assert abs(errors["fit"].gain - 1) < 5e-3
    assert errors["tangent"].gain < 0.98
    # without wires the fit is the ratio of fourth and second moments, cell by cell
    W = linearised_matrix(G, PolynomialIV(c_3=2.0), at)
    factor = 1 + 2 * (at**4).sum(axis=0) / (at**2).sum(axis=0)
    np.testing.assert_allclose(W.numpy(), (G.numpy() * factor[:, None]).T, rtol=1e-9)


def test_surrogates_are_differentiable():
    rng = np.random.default_rng(9)
    G = draw(rng, 5, 4)
    at = rng.uniform(-0.3, 0.3, (6, 5))
    weights = torch.tensor(rng.normal(size=(4, 5)))
    for law in (SinhIV(0.2), LAWS["family"], LAWS["device"]):
        leaf = G.clone().requires_grad_()
        (weights * linearised_matrix(leaf, law, at)).sum().backward()
        for k in np.ndindex(5, 4):
            step = torch.zeros_like(G)
            step[k] = 1e-5 * G[k]
            up, down = (linearised_matrix(G + s * step, law, at) for s in (1, -1))
            numeric = float((weights * (up - down)).sum() / (2 * step[k]))
            # without wires nothing but the conductances moves: the derivative is exact
            assert float(leaf.grad[k]) == pytest.approx(numeric, rel=1e-5)
    two = linearised_matrices([G, G[:3]], SinhIV(0.2), [at, at[:, :3]], 2.0, 2.0)
    assert [tuple(w.shape) for w in two] == [(4, 5), (4, 3)]


def test_what_is_refused():
    V, G = torch.zeros(2, 3, dtype=torch.float64), torch.full((3, 4), 1e-4, dtype=torch.float64)
    for make, message in (
        (lambda: cell_currents(V, G, "sinh"), "`iv` must be a current-voltage"),
        (lambda: cell_currents(V[:, :2], G, SinhIV()), "one voltage per word line"),
        (lambda: cell_currents(V.numpy(), G, SinhIV()), "`V` must be a tensor"),
        (lambda: cell_currents(V, G[0], SinhIV()), "must have the shapes"),
        (lambda: linearised_matrix(G, SinhIV(), V.numpy(), kind="best"), "`kind` must be"),
        (lambda: linearised_matrices([G], SinhIV(), []), "0 sets of typical inputs"),
        (lambda: surrogate_error(G, V, G, SinhIV()), "`matrix` must have shape"),
        (lambda: surrogate_error(G.T, V, G, SinhIV()), "`V` drives no current"),
    ):
        with pytest.raises(ParameterError, match=message):
            make()
    with pytest.raises(BackendUnavailable):
        cell_currents(V.to("meta"), G, SinhIV())


def test_steep_cells_are_solved_or_named():
    rng = np.random.default_rng(10)
    G = draw(rng, 8, 8)
    V = torch.tensor(rng.uniform(-1.5, 1.5, (3, 8)))
    steep = SinhIV(0.05)  # e^30 at the drive
    currents = cell_currents(V, G, steep, 10.0, 10.0, driver=100.0)
    xbar = Crossbar(cells=steep.cells(G.numpy()), wires=Wires(10.0, 10.0, driver=100.0))
    expected = Solver(method="mna").solve(xbar, V.numpy()).currents
    np.testing.assert_allclose(currents.numpy(), expected, atol=1e-8 * np.abs(expected).max())
    with pytest.raises(ConvergenceError, match="input 0"):
        cell_currents(V * 1e3, G, steep)  # no current has that many digits
