"""The benchmark of devices: NumPy's rates are the models' rates, its integrators converge."""

import numpy as np
import pytest

from benchmarks import devices


@pytest.mark.parametrize("name", ["VTEAM", "StanfordPKU"])
def test_the_rates_are_the_models(name):
    device, _, _, x, rate = devices.job(name, 50)
    scalar = devices._scalar_vteam if name == "VTEAM" else devices._scalar_pku
    p = device.parameters()
    for v in (0.7, -0.23, -1.25, 0.0):
        expected = device.rate(v, x[None])[0]
        np.testing.assert_allclose(rate(v, x, p), expected, rtol=1e-9, atol=1e-30)
        first = {k: (float(q[0]) if np.ndim(q) else q) for k, q in p.items()}
        if name == "VTEAM":
            assert scalar(v, x[0], first) == pytest.approx(float(expected[0]), rel=1e-9)


def test_euler_converges_to_the_reference():
    device, t, v, x, rate = devices.job("VTEAM", 4)
    exact = devices.reference(device, t[::10], v[::10], x, rate, 20)
    errors = [
        np.abs(devices.euler(device, t[::10], v[::10], x, rate, m) - exact).max() for m in (4, 8)
    ]
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.1)


def test_the_table_names_what_was_scaled():
    row = {"model": "VTEAM", "one": 10.0, "two": 5.0, "ours": 1e-7, "euler": 1e-3,
           "euler_seconds": 1e4, "loop_seconds": 100.0, "substeps": 5000}
    text = devices.table({"devices": 1_000_000, "sample": 1000, "rows": [row]})
    assert "| VTEAM | 10 s | 5 s | 1e-07 | 1,000x (5,000 substeps) | 10x | 1e-03 |" in text
    assert "1,000,000 independent devices" in text
    assert "the loop on 20 devices; all scaled" in text


def test_every_model_both_ways():
    found = devices.both_ways("vteam", 64)
    assert found["scalar"] > found["lockstep"] > 0.0
    assert found["apart"] < 1e-6
    assert found["scalar_steps"] == pytest.approx(found["lockstep_steps"], rel=1e-3)
    text = devices.table({"devices": 10, "sample": 5, "rows": [], "models": [found]})
    assert f"| vteam | {found['scalar']:.0f} ns |" in text
    assert {"vteam", "stanford_pku", "jart_vcm_v1b", "ohmic"} <= set(devices.shipped())
