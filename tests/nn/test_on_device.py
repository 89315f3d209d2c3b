"""The functional path where the tensors are: NumPy stands for CuPy on the host."""

import pytest
import torch
from crossbarsim.solvers.crossbar.batched import ArrayBackend, find_gpu

from crossbarsim import (
    BackendUnavailable,
    Driven,
    Ends,
    Floating,
    Grounded,
    OutOfMemoryError,
    ParameterError,
    Sensed,
    SingularCircuitError,
    Solver,
    Wires,
)
from crossbarsim.nn import CrossbarConfig, convert
from crossbarsim.nn.functional import crossbar_currents, effective_matrices, effective_matrix
from crossbarsim.nonidealities import NonIdealities, SinhIV

GPU, FOUND = find_gpu()
CUDA = GPU is not None and torch.cuda.is_available()
PLACES = ["cpu", pytest.param("cuda", marks=(
    pytest.mark.gpu, pytest.mark.skipif(not CUDA, reason=FOUND if GPU is None else "torch has no CUDA")
))]
ENDS = [
    None, Ends(word_right=Driven(resistance=2.0), bit_top=Grounded()),
    Ends(word_right=[Floating(), Driven(), Floating(), Driven(0.1), Floating()], bit_top=Grounded(3.0)),
    Ends(bit_bottom=[Sensed() if k != 2 else Floating() for k in range(7)]),
]


def solver(place):
    return Solver(backend=ArrayBackend()) if place == "cpu" else None


def draws(*shapes, place, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(s, generator=generator, dtype=torch.float64).to(place, dtype).requires_grad_() for s in shapes]


def gradients(result, inputs):
    weight = torch.sin(torch.arange(result.numel(), dtype=result.dtype, device=result.device))
    return torch.autograd.grad((result * weight.reshape(result.shape)).sum(), inputs)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("arrays", [False, True])
def test_currents_and_gradients(place, ends, arrays):
    V, g, w, b = draws((3, 4, 5), (3, 5, 7), *(((5, 7), (6, 7)) if arrays else ((), ())), place="cpu")
    found_inputs = [t.detach().to(place).requires_grad_() for t in (V, g, w, b)]

    def currents(inputs, which):
        V, g, w, b = inputs
        return crossbar_currents(V, 1e-5 + 1e-3 * g, 20 * w, 10 * b, ends=ends, driver=2.0, solver=which)

    expected = currents((V, g, w, b), Solver(method="mna"))
    found = currents(found_inputs, solver(place))
    assert found.device.type == place
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-9, atol=1e-14)
    for one, two in zip(gradients(found, found_inputs), gradients(expected, (V, g, w, b)), strict=True):
        torch.testing.assert_close(one.cpu(), two, rtol=1e-7, atol=1e-9 * float(two.abs().max()))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("ends", [ENDS[0], ENDS[1], ENDS[3], Ends(
    word_left=[Driven() if k < 3 else Floating() for k in range(5)],
    word_right=[Floating() if k < 3 else Driven() for k in range(5)],
)])
def test_matrices_of_any_shapes(place, ends):
    G = draws((5, 7), (5, 7), *(() if ends else ((9, 4),)), place="cpu")
    mine = [g.detach().to(place).requires_grad_() for g in G]
    w = torch.tensor(7.0, dtype=torch.float64, requires_grad=True)

    def matrices(G, w, which):
        return effective_matrices([1e-5 + 1e-3 * g for g in G], w, 3.0, ends=ends, sense=1.0, solver=which)

    expected = matrices(G, w, Solver())
    found = matrices(mine, w, solver(place))
    for one, two in zip(found, expected, strict=True):
        torch.testing.assert_close(one.cpu(), two, rtol=1e-10, atol=1e-16)
    one = gradients(torch.cat([m.flatten() for m in found]), [*mine, w])
    two = gradients(torch.cat([m.flatten() for m in expected]), [*G, w])
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a.cpu(), b, rtol=1e-8, atol=1e-10 * float(b.abs().max()))


def test_gradcheck():
    V, g, w, b = draws((1, 2, 3), (1, 3, 2), (3, 2), (3, 2), place="cpu")

    def scaled(V, g, w, b):
        return 1e3 * crossbar_currents(V, 1e-4 + 1e-3 * g, 50 * w, 50 * b, solver=Solver(backend=ArrayBackend()))

    assert torch.autograd.gradcheck(scaled, (V, g, w, b), rtol=1e-5, atol=1e-9)


def test_float32_goes_in_and_comes_out():
    (g,) = draws((4, 6, 6), place="cpu", dtype=torch.float32)
    W = effective_matrix(1e-4 * (g + 0.1), 1.0, 1.0, solver=Solver(backend=ArrayBackend()))
    assert W.dtype == torch.float32
    torch.testing.assert_close(W, effective_matrix(1e-4 * (g + 0.1), 1.0, 1.0))
    assert gradients(W, [g])[0].dtype == torch.float32


def test_in_parts():
    (g,) = draws((6, 12, 12), place="cpu")
    V = torch.rand(6, 3, 12, dtype=torch.float64)
    small, large = (Solver(backend=ArrayBackend(max_bytes=n)) for n in (1_000_000, 1 << 30))
    for solve in (
        lambda s: effective_matrix(1e-4 * (g + 0.1), 2.0, 2.0, solver=s),
        lambda s: crossbar_currents(V, 1e-4 * (g + 0.1), 2.0, 2.0, solver=s),
    ):
        one, two = solve(small), solve(large)
        torch.testing.assert_close(one, two, rtol=1e-13, atol=0)
        torch.testing.assert_close(gradients(one, [g])[0], gradients(two, [g])[0], rtol=1e-12, atol=1e-18)
    with pytest.raises(OutOfMemoryError, match="a crossbar of 12x12"):
        effective_matrix(1e-4 * (g + 0.1), 2.0, 2.0, solver=Solver(backend=ArrayBackend(max_bytes=1000)))


@pytest.mark.parametrize("backend", [ArrayBackend(), pytest.param("gpu", marks=PLACES[1].marks)], ids=["numpy", "gpu"])
@pytest.mark.parametrize("path", ["matrix", "vectors"])
def test_networks(backend, path):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(2, 5, 3), torch.nn.Flatten(), torch.nn.ReLU(), torch.nn.Linear(80, 7))
    model = model.double()
    x = torch.randn(3, 2, 6, 6, dtype=torch.float64)
    config = CrossbarConfig(tile_shape=(32, 16), r_on_sigma=0.1, path=path, wires=Wires(3.0, 3.0))
    chips = [convert(model, c) for c in (config, config.replace(backend=backend))]
    outputs = [chip(x) for chip in chips]
    torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-8, atol=1e-10)
    for out in outputs:
        (out**2).sum().backward()
    for one, two in zip(*(chip.parameters() for chip in chips), strict=True):
        torch.testing.assert_close(two.grad, one.grad, rtol=1e-6, atol=1e-8 * float(one.grad.abs().max()))


@pytest.mark.parametrize("backend", [ArrayBackend(), pytest.param("gpu", marks=PLACES[1].marks)], ids=["numpy", "gpu"])
def test_networks_of_curved_cells(backend):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(20, 12), torch.nn.ReLU(), torch.nn.Linear(12, 5)).double()
    x = torch.randn(6, 20, dtype=torch.float64)
    config = CrossbarConfig(tile_shape=(16, 16), wires=Wires(3.0, 3.0), input_range=3.0,
                            nonidealities=NonIdealities(iv=SinhIV(0.2)))
    chips = [convert(model, c) for c in (config, config.replace(backend=backend))]
    outputs = [chip(x) for chip in chips]
    torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-7, atol=1e-9)
    for out in outputs:
        (out**2).sum().backward()
    for one, two in zip(*(chip.parameters() for chip in chips), strict=True):
        torch.testing.assert_close(two.grad, one.grad, rtol=1e-6, atol=1e-7 * float(one.grad.abs().max()))


def test_the_backend_of_a_network_is_checked():
    with pytest.raises(ParameterError, match="`backend` must be one of"):
        CrossbarConfig(backend="tpu")
    if GPU is None:
        with pytest.raises(BackendUnavailable, match=r"crossbarsim\[gpu\]"):
            CrossbarConfig(backend="gpu")
    assert CrossbarConfig(backend="auto").to_dict()["backend"] == "auto"
    assert CrossbarConfig(backend=ArrayBackend()).to_dict()["backend"] == "numpy"


def test_bad_input():
    G = torch.full((3, 3), 1e-4, dtype=torch.float64)
    mine = Solver(backend=ArrayBackend())
    with pytest.raises(BackendUnavailable, match="`V` is on cpu, `G` is on meta: move all of them"):
        crossbar_currents(torch.ones(3, dtype=torch.float64), G.to("meta"))
    with pytest.raises(BackendUnavailable, match="this solver runs on the CPU"):
        effective_matrix(G.to("meta"))
    with pytest.raises(ParameterError, match="finite and >= 0"):
        effective_matrix(-G, solver=mine)
    open_line = G.clone()
    open_line[:, 1] = 0.0
    with pytest.raises(SingularCircuitError, match="bl0_1"):
        effective_matrix(open_line, solver=mine, ends=Ends(
            bit_bottom=[Sensed(), Floating(), Sensed()]
        ))
    with pytest.raises(ParameterError, match="not linear in V alone"):
        effective_matrix(G, solver=mine, ends=Ends(word_right=Driven(1.0, 2.0)))
