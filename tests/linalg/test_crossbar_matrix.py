"""Matrices on chips as operators, against circuits, NumPy and each other; systems solved on them."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, gmres, svds

from crossbarsim import ConvergenceError, Crossbar, ParameterError, Solver, Wires
from crossbarsim.linalg import CrossbarMatrix, refine
from crossbarsim.nn import CrossbarConfig
from crossbarsim.nonidealities import (
    ConductanceDrift,
    Faults,
    NonIdealities,
    ReadNoise,
    SinhIV,
    WriteNoise,
)
from crossbarsim.periphery import ADC, DAC, Periphery

RNG = np.random.default_rng(3)
A = RNG.normal(size=(11, 9))
X, Y = RNG.normal(size=(9, 4)), RNG.normal(size=(11, 4))
REAL = CrossbarConfig(tile_shape=(5, 4), wires=Wires(20.0, 30.0, driver=40.0, sense=7.0), r_on_sigma=0.1)
CONVERTED = REAL.replace(periphery=Periphery(dac=DAC(bits=8), adc=ADC(bits=8)))


def test_an_ideal_chip_is_numpy():
    mine = CrossbarMatrix(A, CrossbarConfig.ideal(tile_shape=(4, 3)))
    np.testing.assert_allclose(mine @ X, A @ X, atol=1e-12)
    np.testing.assert_allclose(mine.T @ Y, A.T @ Y, atol=1e-12)
    np.testing.assert_allclose(mine @ X[:, 0], A @ X[:, 0], atol=1e-12)
    np.testing.assert_allclose(Y[:, 0] @ mine, Y[:, 0] @ A, atol=1e-12)
    np.testing.assert_allclose(mine.H @ Y, A.T @ Y, atol=1e-12)
    np.testing.assert_allclose(mine @ (X + 2j * X), A @ (X + 2j * X), atol=1e-12)
    np.testing.assert_array_equal(mine @ np.zeros(9), np.zeros(11))
    assert (mine.shape, mine.dtype, mine.T.shape) == ((11, 9), np.float64, (9, 11))
    assert isinstance(mine, LinearOperator)
    assert repr(mine).startswith("CrossbarMatrix(11x9, 12 tiles")
    np.testing.assert_allclose((2.0 * mine) @ X + (mine @ X), 3.0 * A @ X, atol=1e-12)  # SciPy's algebra


def test_products_are_the_currents_of_the_arrays():
    mine = CrossbarMatrix(A, REAL.replace(tile_shape=(16, 16)))
    (_, (plus, minus)), = mine.stored.arrays(mine.layer.weight)
    currents = [Solver(method="mna").solve(Crossbar(g.numpy(), REAL.wires), X.T * 0.2).currents for g in (plus, minus)]
    scale = np.abs(A).max() / (0.2 * REAL.span)
    np.testing.assert_allclose(mine @ X, scale * (currents[0] - currents[1]).T, rtol=1e-9)
    assert np.abs(mine @ X - A @ X).max() > 0.05


@pytest.mark.parametrize("config", [REAL, REAL.replace(bits=5, bits_per_cell=2, slicing="arrays")], ids=["levels", "digits"])
def test_the_transpose_is_the_same_arrays_read_the_other_way(config):
    mine = CrossbarMatrix(A, config)
    matrix = mine.effective_matrix()
    np.testing.assert_allclose(mine @ X, matrix @ X, atol=1e-10)
    # by reciprocity; the arrays are solved again with other wires
    np.testing.assert_allclose(mine.T.effective_matrix(), matrix.T, atol=1e-9)
    np.testing.assert_allclose(mine.T @ Y, matrix.T @ Y, atol=1e-9)
    assert mine.T.T is mine
    own = CrossbarMatrix(A, config, transpose="arrays")
    assert np.abs(own.T @ Y - matrix.T @ Y).max() > 1e-3  # other devices
    np.testing.assert_allclose(own @ X, mine @ X, atol=0)


def test_converters_noise_and_bends_act_in_both_directions():
    exact = CrossbarMatrix(A, REAL).effective_matrix()
    mine = CrossbarMatrix(A, CONVERTED)
    for made, ideal in ((mine @ X, exact @ X), (mine.T @ Y, exact.T @ Y)):
        error = np.abs(made - ideal).max() / np.abs(ideal).max()
        assert 1e-4 < error < 0.1
    assert mine.reads == 4
    mine.calibrate(X)
    fitted = np.abs(mine @ X - exact @ X).max()
    assert fitted < np.abs(CrossbarMatrix(A, CONVERTED) @ X - exact @ X).max()
    corrected = CrossbarMatrix(A, CONVERTED)
    corrected.calibrate(X, correct=True)
    assert np.linalg.norm(corrected @ X - A @ X) < 0.7 * np.linalg.norm(exact @ X - A @ X)
    noisy = CrossbarMatrix(A, REAL.replace(nonidealities=NonIdealities(noise=ReadNoise())))
    assert not np.array_equal(noisy @ X, noisy @ X)
    assert not np.array_equal(noisy.T @ Y, noisy.T @ Y)
    assert np.abs(noisy @ X - exact @ X).max() < 0.5
    bent = CrossbarMatrix(A, REAL.replace(nonidealities=NonIdealities(iv=SinhIV(0.2))))
    with pytest.raises(ParameterError, match="not linear"):
        bent.effective_matrix()


def test_the_same_chip_ages():
    config = CrossbarConfig.ideal(nonidealities=NonIdealities(faults=Faults(stuck_off=0.2)))
    fresh = CrossbarMatrix(A, config)
    old = fresh.replace(nonidealities=config.nonidealities.replace(drift=ConductanceDrift(1e6, nu=0.05)))
    stuck = fresh.effective_matrix() == 0.0
    assert stuck.sum() > 5
    assert np.abs(old.effective_matrix()[stuck]).max() < 0.02  # of up to 2.6; the others' cells drift
    assert 0.3 < np.linalg.norm(old.effective_matrix()) / np.linalg.norm(fresh.effective_matrix()) < 0.7


def test_vectors_are_scaled_or_saturate():
    scaled = CrossbarMatrix(A, CONVERTED)
    np.testing.assert_allclose(scaled @ (1e6 * X), 1e6 * (scaled @ X), rtol=1e-12)
    fixed = CrossbarMatrix(A, CONVERTED.replace(input_range=0.5))
    assert fixed.config.input_range == 0.5
    assert scaled.config.input_range is None
    np.testing.assert_allclose(fixed @ (10.0 * np.sign(X)), fixed @ (20.0 * np.sign(X)), rtol=1e-12)


def test_scipy_s_solvers_take_it():
    square = 4.0 * np.eye(9) + 0.3 * A[:9]
    mine = CrossbarMatrix(square, REAL)
    x, info = gmres(mine, X[:, 0], atol=1e-10)
    assert info == 0
    np.testing.assert_allclose(mine.effective_matrix() @ x, X[:, 0], atol=1e-4)
    values = svds(mine, k=2, return_singular_vectors=False)
    np.testing.assert_allclose(
        np.sort(values), np.sort(np.linalg.svd(mine.effective_matrix(), compute_uv=False))[-2:], rtol=1e-6)


def system(n=40, seed=1):
    """A covariance matrix, as in Le Gallo et al. 2018, and a right-hand side."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(size=(4 * n, n))
    return samples.T @ samples / (4 * n), rng.normal(size=n)


@pytest.mark.parametrize("inner", ["gmres", "cg", "richardson"])
def test_refinement_reaches_float64_on_a_chip_of_a_few_bits(inner):
    matrix, b = system()
    chip = CrossbarMatrix(matrix, CrossbarConfig(
        tile_shape=(32, 32), nonidealities=NonIdealities(write=WriteNoise(0.02), noise=ReadNoise()),
        periphery=Periphery(dac=DAC(bits=8), adc=ADC(bits=8))))
    assert np.linalg.norm(chip.effective_matrix() - matrix) > 0.01 * np.linalg.norm(matrix)
    alone, _ = gmres(chip, b, restart=30, maxiter=3)
    assert np.linalg.norm(b - matrix @ alone) > 1e-3 * np.linalg.norm(b)  # the chip by itself
    found = refine(matrix, b, chip, inner=inner)
    assert found.converged
    assert found.residuals[-1] <= 1e-12
    assert np.linalg.norm(b - matrix @ found.x) <= 1e-12 * np.linalg.norm(b)
    np.testing.assert_allclose(found.x, np.linalg.solve(matrix, b), rtol=1e-9, atol=1e-11)
    assert found.iterations == len(found.residuals) - 1 < 60
    # every outer iteration lowers the residual by about the chip's own error
    assert np.exp(np.mean(np.diff(np.log(found.residuals)))) < 0.7


def test_refinement_takes_sparse_matrices_and_one_s_own_solver():
    matrix, b = system(12)
    chip = CrossbarMatrix(matrix, CrossbarConfig())
    inverse = np.linalg.inv(chip.effective_matrix())
    found = refine(csr_array(matrix), b, chip, inner=lambda _, r: inverse @ r, x0=b)
    assert found.converged
    assert found.reads.sum() == 0
    axes = found.plot(label="mine")
    assert axes.get_yscale() == "log"
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), found.residuals)


def test_refinement_that_cannot_says_so_with_the_best_so_far():
    matrix, b = system(12)
    chip = CrossbarMatrix(matrix, CrossbarConfig.ideal())
    with pytest.raises(ConvergenceError, match="raise `inner_iterations`") as error:
        refine(matrix, b, chip, inner_rtol=0.5, max_iterations=2)
    assert error.value.partial.residuals[-1] < 0.5
    assert not error.value.partial.converged
    with pytest.raises(ConvergenceError):  # a sign wrong: it runs away and is stopped
        refine(matrix, b, CrossbarMatrix(-matrix, CrossbarConfig.ideal()))


@pytest.mark.parametrize(("make", "message"), [
    (lambda: CrossbarMatrix(1j * A), "complex"),
    (lambda: CrossbarMatrix(A[0]), r"\(M, N\)"),
    (lambda: CrossbarMatrix(np.zeros((0, 3))), r"\(M, N\)"),
    (lambda: CrossbarMatrix(np.full((2, 2), np.nan)), "`matrix`"),
    (lambda: CrossbarMatrix(A, "ideal"), "`config`"),
    (lambda: CrossbarMatrix(A, transpose="both"), "`transpose`"),
    (lambda: CrossbarMatrix(A, REAL.replace(scheme="offset")).T, 'transpose="arrays"'),
    (lambda: CrossbarMatrix(A, REAL.replace(bits=4)).T, 'transpose="arrays"'),
    (lambda: CrossbarMatrix(A) @ np.full(9, np.nan), "`x`"),
    (lambda: CrossbarMatrix(A, CONVERTED).calibrate(np.ones(11)), "`x`"),
    (lambda: CrossbarMatrix(A, CONVERTED).calibrate(np.zeros(9)), "`x` is 0"),
    (lambda: refine(A, np.ones(9), CrossbarMatrix(A)), "do not fit"),
    (lambda: refine(np.eye(9), np.ones(9), "chip"), "`chip`"),
    (lambda: refine(np.eye(9), np.ones(9), CrossbarMatrix(np.eye(9)), inner="lu"), "`inner`"),
    (lambda: refine(np.eye(9), np.ones(9), CrossbarMatrix(np.eye(9)), inner=lambda *_: np.ones(3)), "`inner`"),
    (lambda: refine(np.eye(9), np.ones(9), CrossbarMatrix(np.eye(9)), rtol=0.0), "`rtol`"),
    (lambda: refine(np.eye(9), np.ones(9), CrossbarMatrix(np.eye(9)), x0=[1.0]), "`x0`"),
])
def test_mistakes_are_named(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def test_shapes_that_do_not_fit_are_scipy_s_errors():
    with pytest.raises(ValueError, match="match"):
        CrossbarMatrix(A) @ np.ones(8)
