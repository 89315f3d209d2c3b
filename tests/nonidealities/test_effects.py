"""The whole: order of physics, switching off, records, temperature, wires, speed of a network."""

import json
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, dataclass, fields

import numpy as np
import pytest
import scipy.stats as st
import torch
from hypothesis import given, settings
from hypothesis import strategies as hs

from crossbarsim import ParameterError, Wires
from crossbarsim.core.draws import Place
from crossbarsim.devices import VTEAM
from crossbarsim.nonidealities import (
    ConductanceDrift,
    ConductanceStates,
    Conduction,
    Correlation,
    DeviceDisturb,
    Endurance,
    FailureLaw,
    FaultCluster,
    Faults,
    LogNormal,
    Metal,
    NonIdealities,
    Normal,
    PulseWrite,
    ReadDisturb,
    Retention,
    Table,
    Truncated,
    Variability,
    WriteNoise,
)

ON, OFF = 1e-4, 1e-6
ALL = {
    "variability": (Variability("r_on", Normal(0.1)), Variability("r_off", LogNormal(0.3)),
                    Variability("r_on", LogNormal(0.05), level="die")),
    "faults": Faults(stuck_on=0.01, stuck_off=0.02, dead_rows=0.02),
    "states": ConductanceStates(16), "write": WriteNoise(0.02),
    "endurance": Endurance(1e4, lrs=FailureLaw(1e3, stable_resistance=2e4), spread=1.0),
    "drift": ConductanceDrift(1e3, 0.05, 0.01), "retention": Retention(1e5, tau=1e6),
    "disturb": ReadDisturb(1e5, 0.2, tau_0=1.0, v_0=0.1),
    "conduction": Conduction(), "temperature": 330.0,
}


def chip(effects, shape=(40, 30), place=None):
    level = np.random.default_rng(0).random(shape)
    return effects.chip(level, place or Place(5, "fc"), ON, OFF)


def test_nothing_is_the_ideal_array():
    level = np.random.default_rng(0).random((40, 30))
    effects = NonIdealities()
    np.testing.assert_array_equal(chip(effects), OFF + level * (ON - OFF))
    assert not (effects.fabricates)
    assert not (effects.programs)
    assert not (effects.ages)
    assert not (effects.reads)
    wires = Wires(1.0, 2.0)
    assert effects.wires(wires) == wires


@given(hs.permutations(list(ALL)))
@settings(max_examples=15, deadline=None)
def test_the_order_in_which_effects_are_listed_changes_nothing(names):
    listed = NonIdealities(**{name: ALL[name] for name in names})
    reference = NonIdealities(**ALL)
    assert listed == reference
    assert listed.to_dict() == reference.to_dict()
    np.testing.assert_array_equal(chip(listed), chip(reference))


def test_the_order_is_that_of_physics():
    effects = NonIdealities(**ALL)
    place, level = Place(5, "fc"), np.random.default_rng(0).random((40, 30))
    fab = effects.fabricate(place, level.shape, ON, OFF)
    G = fab.g_off + level * (fab.g_on - fab.g_off)
    G = ALL["write"].written(ALL["states"].apply(G, fab), fab, place, 0)
    G = fab.with_faults(G)
    for name in ("endurance", "drift", "retention", "disturb"):
        G = ALL[name].aged(G, fab, place, 330.0)
    G = ALL["conduction"].at(fab.with_faults(G), fab, 330.0, 300.0)
    np.testing.assert_array_equal(chip(effects), G)


@pytest.mark.parametrize("name", [n for n in ALL if n != "temperature"])
def test_each_can_be_switched_off(name):
    whole = NonIdealities(**ALL)
    without = whole.without(name)
    assert not getattr(without, name)
    assert without == NonIdealities(**{k: v for k, v in ALL.items() if k != name})
    assert not np.array_equal(chip(without), chip(whole))
    alone = NonIdealities(**{name: ALL[name]}, temperature=330.0)
    assert alone.fabricates == (name in {"variability", "faults"})
    assert alone.programs == (name in {"states", "write"})
    assert alone.ages == (name in {"endurance", "drift", "retention", "disturb", "conduction"})
    # the other effects' draws are the same with and without it
    np.testing.assert_array_equal(chip(without.replace(**{name: ALL[name]})), chip(whole))


def test_frozen_and_checked():
    effects = NonIdealities(**ALL)
    with pytest.raises(FrozenInstanceError):
        effects.cycle = 3
    assert effects.without(*[f.name for f in fields(effects)]) == NonIdealities()
    with pytest.raises(ParameterError, match=r"no field \['fault'\]; there are variability"):
        effects.without("fault")
    with pytest.raises(ParameterError, match=r"no field \['x'\]"):
        effects.replace(x=1)
    with pytest.raises(ParameterError, match="`temperature` must be a finite number > 0 kelvin"):
        effects.replace(temperature=0.0)
    for name in ("noise", "iv", "metal", "conduction"):
        with pytest.raises(ParameterError, match=f"`{name}` must be"):
            effects.replace(**{name: 0.1})
    with pytest.raises(ParameterError, match="`metal` must be a Metal; got None"):
        effects.replace(metal=None)


def test_what_is_read_by_protocol():
    @dataclass(frozen=True)
    class Noise:
        psd: float = 1e-24

        def sample(self, generator, shape):
            return generator.standard_normal(shape)

    effects = NonIdealities(noise=Noise())
    assert effects.reads
    assert not effects.ages
    assert effects.to_dict()["noise"] == {"type": "Noise", "psd": 1e-24}


def test_records_are_json():
    effects = NonIdealities(**{
        **ALL,
        "variability": (
            Variability("r_on", st.gamma(20.0, scale=0.05)),
            Variability("r_off", torch.distributions.Normal(1.0, 0.1), level="array"),
            Variability("r_off", Truncated(Normal(0.2), 0.5), correlation=Correlation(3.0)),
        ),
        "faults": Faults(stuck_on=0.1, map=np.ones((2, 2), int), cluster=FaultCluster()),
        "write": PulseWrite(VTEAM(), Variability("v_on", Normal(0.1)), options={"passes": 1}),
        "drift": ConductanceDrift(1.0, Table((0.0, 1.0), (0.1, 0.05))),
        "disturb": DeviceDisturb(VTEAM(), 10.0, 0.1),
    })
    found = json.loads(json.dumps(effects.to_dict()))
    assert set(found) == {f.name for f in fields(effects)}
    assert {"type": "scipy.stats.gamma", "args": [20.0], "kwds": {"scale": 0.05}} in [
        v["distribution"] for v in found["variability"]]
    assert found["faults"]["map"]["codes"] == [[1, 1], [1, 1]]
    assert found["drift"]["nu"] == {"type": "Table", "x": [0.0, 1.0], "values": [0.1, 0.05]}
    assert found["write"]["options"] == {"passes": 1}
    assert found["temperature"] == 330.0


def test_the_same_chip_in_any_order_and_on_any_thread():
    effects = NonIdealities(**{**ALL, "faults": Faults(stuck_on=0.02, cluster=FaultCluster())})
    places = [Place(1, layer, array, (i, j)) for layer in ("a", "b") for array in ("+", "-")
              for i in range(3) for j in range(3)]
    serial = [chip(effects, place=p) for p in places]
    with ThreadPoolExecutor(8) as pool:
        threaded = list(pool.map(lambda p: chip(effects, place=p), places[::-1]))[::-1]
    for one, other in zip(serial, threaded, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len({g.tobytes() for g in serial}) == len(serial)
    assert not np.array_equal(serial[0], chip(effects, place=Place(2, "a", "+", (0, 0))))


@given(hs.sets(hs.sampled_from(sorted(ALL))), hs.integers(0, 99), hs.integers(1, 12),
       hs.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_any_effects_together(names, seed, rows, columns):
    effects = NonIdealities(**{name: ALL[name] for name in names})
    place, level = Place(seed), np.random.default_rng(seed).random((rows, columns))
    fab = effects.fabricate(place, level.shape, ON, OFF)
    G = effects.age(effects.program(level, fab, place), fab, place)
    assert G.shape == (rows, columns)
    assert np.isfinite(G).all()
    assert (G >= 0).all()
    np.testing.assert_array_equal(effects.chip(level, place, ON, OFF), G)
    if fab.stuck is not None and not ("conduction" in names and "temperature" in names):
        bad = ~np.isnan(fab.stuck)
        np.testing.assert_array_equal(G[bad], fab.stuck[bad])


def test_settings_can_be_stored():
    effects = NonIdealities(**ALL)
    other = pickle.loads(pickle.dumps(effects))
    assert other == effects
    np.testing.assert_array_equal(chip(other), chip(effects))


def test_torch_is_the_same_chip():
    effects = NonIdealities(**ALL)
    level = np.random.default_rng(0).random((40, 30))
    tensor = torch.from_numpy(level).requires_grad_()
    found = effects.chip(tensor, Place(5, "fc"), ON, OFF)
    np.testing.assert_allclose(found.detach(), chip(effects), rtol=1e-12)
    found.sum().backward()
    assert torch.isfinite(tensor.grad).all()
    single = effects.without("states").chip(tensor.detach().float(), Place(5, "fc"), ON, OFF)
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single, chip(effects.without("states")), rtol=1e-4)


# -- temperature ---------------------------------------------------------------------------------


def test_wires_of_copper():
    hot = NonIdealities(temperature=393.0, given_at=293.0)
    segments = np.array([[1.0, np.inf], [0.0, 2.0]])
    found = hot.wires(Wires(segments, 2.0, 50.0, 60.0, 1e-15, 2e-15))
    np.testing.assert_allclose(found.word, segments * 1.39)
    np.testing.assert_allclose(found.bit, 2.78)
    assert (float(found.driver), float(found.sense)) == (50.0, 60.0)
    assert (float(found.word_capacitance), float(found.bit_capacitance)) == (1e-15, 2e-15)
    # wires given at 300 K: (1 + 3.9e-3 (350 - 293)) / (1 + 3.9e-3 7)
    warm = NonIdealities(temperature=350.0).wires(Wires(1.0, 1.0))
    assert float(warm.word) == pytest.approx(1.2223 / 1.0273, rel=1e-9)
    tungsten = NonIdealities(temperature=350.0, metal=Metal(4.5e-3, 300.0)).wires(Wires(1.0))
    assert float(tungsten.word) == pytest.approx(1.225)
    with pytest.raises(ParameterError, match="does not reach down to 4 K"):
        NonIdealities(temperature=4.0).wires(Wires(1.0))


def test_conduction_of_both_states():
    effects = NonIdealities(conduction=Conduction(0.05, 1e-3), temperature=350.0)
    found = effects.chip(np.array([[0.0, 1.0]]), Place(0), ON, OFF)
    # by hand: exp(-0.05 / 8.617333e-5 (1/350 - 1/300)) = 1.31824
    assert found[0, 0] == pytest.approx(1.31824e-6, rel=1e-5)
    assert found[0, 1] == pytest.approx(1.31824e-6 + 99e-6 / 1.05, rel=1e-5)
    back = effects.replace(temperature=300.0)
    assert not back.ages
    np.testing.assert_array_equal(back.chip(np.array([[1.0]]), Place(0), ON, OFF), ON)
    with pytest.raises(ParameterError, match="does not reach to 350 K"):
        NonIdealities(conduction=Conduction(0.0, -0.03), temperature=350.0).chip(
            np.ones((1, 1)), Place(0), ON, OFF)


@given(hs.floats(0, 1), hs.floats(200, 450))
@settings(max_examples=40, deadline=None)
def test_conduction_is_monotonic_in_the_state(level, kelvin):
    effects = NonIdealities(conduction=Conduction(), temperature=kelvin)
    found = effects.chip(np.array([[level, min(level + 0.01, 1.0)]]), Place(0), ON, OFF)
    assert found[0, 0] > 0
    assert found[0, 1] >= found[0, 0]


# -- speed ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_network_of_eleven_million_weights_takes_seconds():
    effects = NonIdealities(
        variability=ALL["variability"][:2], faults=Faults(stuck_on=0.01, stuck_off=0.01),
        states=ConductanceStates(16), drift=ConductanceDrift(1e4, 0.05, 0.01),
    )
    level = np.random.default_rng(0).random((128, 128))
    start = time.process_time()
    for k in range(1360):
        effects.chip(level, Place(0, "fc", tile=(k, 0)), ON, OFF)
    assert time.process_time() - start < 10.0
