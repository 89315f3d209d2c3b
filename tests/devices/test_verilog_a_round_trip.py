"""Devices written as Verilog-A and read again, without a compiler: the same laws, states and ranges."""

import numpy as np
import pytest

from crossbarsim.devices import VTEAM, StanfordPKU, model, models, read_verilog_a


@pytest.mark.parametrize("name", models())
def test_written_and_read_again(name, tmp_path):
    device = model(name)()
    device.save_verilog_a(tmp_path / "device.va")
    again = read_verilog_a(tmp_path / "device.va")()
    assert again.state_names == device.state_names
    low, high = device.bounds()
    np.testing.assert_allclose(again.bounds(), (low, high), rtol=1e-15)
    np.testing.assert_allclose(again.rest(), device.rest(), rtol=1e-15)
    rng = np.random.default_rng(5)
    for v in rng.uniform(-1.2, 1.2, 8):
        x = low + rng.random(len(low)) * (high - low)
        if "temperature" in device.state_names:  # where the laws are defined
            x[device.state_names.index("temperature")] = rng.uniform(280.0, 900.0)
        assert float(again.current(v, x)) == pytest.approx(float(device.current(v, x)), rel=1e-12)
        np.testing.assert_allclose(again.rate(v, x), device.rate(v, x), rtol=1e-11, atol=1e-300)


def test_values_polarity_and_starts_are_kept(tmp_path):
    device = VTEAM.preset("taox", polarity=-1)
    device.save_verilog_a(tmp_path / "device.va", state=[0.25])
    found = read_verilog_a(tmp_path / "device.va")
    again = found()
    assert again.rest() == 0.25
    for v in (-0.8, 0.5):
        assert float(again.current(v, [0.4])) == pytest.approx(float(device.current(v, [0.4])), rel=1e-13)
        assert again.rate(v, [0.4])[0] == pytest.approx(device.rate(v, [0.4])[0], rel=1e-12)
    turned = found(polarity=1)
    assert float(turned.current(0.5, [0.4])) == pytest.approx(-float(device.current(-0.5, [0.4])), rel=1e-13)


def test_what_was_read_is_written_again(tmp_path):
    StanfordPKU().save_verilog_a(tmp_path / "one.va")
    once = read_verilog_a(tmp_path / "one.va")()
    once.save_verilog_a(tmp_path / "two.va")
    twice = read_verilog_a(tmp_path / "two.va")()
    gap = [0.8e-9]
    for v in (-1.0, 0.3, 1.2):
        assert float(twice.current(v, gap)) == pytest.approx(float(StanfordPKU().current(v, gap)), rel=1e-12)
        assert twice.rate(v, gap)[0] == pytest.approx(StanfordPKU().rate(v, gap)[0], rel=1e-11)
