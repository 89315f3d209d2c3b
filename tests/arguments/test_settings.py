"""Every record of settings is written as a dict, JSON and TOML, and read again as it was."""

import dataclasses
import inspect
import json
import tomllib

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

import crossbarsim.studies  # noqa: F401 - all records are known when all are imported
from crossbarsim import (
    Driven,
    Ends,
    Floating,
    LoadResistor,
    ParameterError,
    Sensed,
    Transimpedance,
    Wires,
)
from crossbarsim.core.settings import Settings
from crossbarsim.core.settings.toml import toml
from crossbarsim.devices import VTEAM, StaticTable, Transistor, model, models
from crossbarsim.nn import CrossbarConfig
from crossbarsim.nn.train import InSituConfig, PulseResponse
from crossbarsim.nonidealities import (
    ConductanceDrift,
    Correlation,
    DeviceIV,
    Endurance,
    FailureLaw,
    FaultCluster,
    FaultMap,
    Faults,
    LogNormal,
    NonIdealities,
    Normal,
    Polynomial,
    PulseWrite,
    ReadNoise,
    SinhIV,
    Table,
    TableIV,
    TelegraphNoise,
    Truncated,
    Variability,
    WriteNoise,
)
from crossbarsim.periphery import ADC, DAC, IntegratorSense, Periphery, TransimpedanceSense

from .api import NAMES, THINGS, entry_of

torch.set_num_threads(1)


def ways(record):
    """Yield what comes back of a record by each of the three ways."""
    cls = type(record)
    yield cls.from_dict(record.to_dict())
    yield cls.from_json(record.to_json())
    yield cls.from_toml(record.to_toml())


def check(record):
    written = record.to_dict()
    json.dumps(written)
    for again in ways(record):
        assert type(again) is type(record)
        assert again.to_dict() == written
    return again


def records():
    found = [n for n in NAMES if inspect.isclass(THINGS.get(n)) and issubclass(THINGS[n], Settings)]
    return {name: THINGS[name](**entry_of(name).arguments) for name in found}


RECORDS = records()


@pytest.mark.parametrize("name", RECORDS)
def test_every_record_comes_back(name):
    check(RECORDS[name])


def test_all_records_of_the_public_api_are_settings():
    """Frozen dataclasses that users make, but for those that hold arrays of results or circuits."""
    others = {"State", "MeasuredSweep", "Reads", "CircuitNoise", "Resistive", "ValueAt", "Integral", "Mean", "Rms", "Energy", "Bounded", "CharacterText"}
    made = {n: THINGS[n] for n in NAMES if n in THINGS}
    assert {n for n, c in made.items() if dataclasses.is_dataclass(c) and not issubclass(c, Settings)} == others


@pytest.mark.parametrize("name", models())
def test_every_preset_of_every_model_comes_back(name):
    for preset in model(name).presets():
        check(model(name).preset(preset))


def test_transistors_come_back():
    for kind in Transistor.__subclasses__():
        for preset in kind.presets():
            check(kind.preset(preset))


NESTED = {
    "ends": Ends(word_left=[Driven(), Driven(0.1, 5.0), Floating()], bit_bottom=Sensed(Transimpedance(1e3)), bit_top=Sensed(LoadResistor(9.0))),
    "wires": Wires(word=[[1.0, np.inf], [2.0, 3.0]], bit=1.0, driver=[1.0, 2.0]),
    "per device": VTEAM(r_on=[[50.0, 60.0], [70.0, 80.0]], polarity=-1, read_voltage=0.2),
    "table": StaticTable([0.0, 0.1, 0.2], [0.0, 1e-6, 3e-6], odd=True),
    "effects": NonIdealities(
        variability=[
            Variability("r_on", Truncated(LogNormal(0.2), 0.5, 2.0), correlation=Correlation(3.0)),
            Variability("r_off", stats.lognorm(0.5, scale=1.1)), Variability("r_off", torch.distributions.Normal(1.0, 0.25), "array"),
        ],
        faults=Faults(map=FaultMap([[0, 1], [2, 0]]), cluster=FaultCluster()), write=WriteNoise(Polynomial((0.1, 0.2))),
        drift=ConductanceDrift(10.0, nu=Table((0.0, 1.0), (0.1, 0.2))), noise=ReadNoise(flicker=None, telegraph=TelegraphNoise()),
        endurance=Endurance(1e6, lrs=FailureLaw(1.0, 0.1, stable_resistance=1e4)), iv=SinhIV(0.3),
    ),
    "curves": NonIdealities(iv=TableIV([0.0, 0.1, 0.2], [0.0, 1e-6, 3e-6], odd=True)),
    "devices": NonIdealities(iv=DeviceIV(VTEAM()), write=PulseWrite(VTEAM(), Variability("r_on", Normal(0.1)), options={"width": 1e-9})),
    "periphery": Periphery(dac=DAC(bits=5), adc=ADC(full_scale=1e-4, signed=False), sense=IntegratorSense()),
    "training": InSituConfig(device=VTEAM(), spread={"r_on": 0.1}, wires=Wires(2.0, 2.0)),
    "training by a table": InSituConfig(device=PulseResponse.linear_step(1e-6, 1e-5, 1e-7, cycle_spread=0.3)),
}


@pytest.mark.parametrize("name", NESTED)
def test_what_is_nested_comes_back(name):
    check(NESTED[name])


def test_a_network_s_whole_configuration_comes_back():
    config = CrossbarConfig(
        bits=6, bits_per_cell=2, tile_shape=(64, 32), wires=Wires(2.5, 1.0, 10.0), input_encoding="two-phase",
        ends=Ends(word_right=Driven()), nonidealities=NESTED["effects"], seed=3,
        periphery=Periphery(adc=ADC(bits=6), sense=TransimpedanceSense(gbw=1e9)),
    )
    again = check(config)
    assert again.nonidealities.faults.map.codes.tolist() == [[0, 1], [2, 0]]
    assert again.tile_shape == (64, 32)
    assert again.ends == config.ends
    layer = torch.nn.Linear(5, 3)
    from crossbarsim.nn import CrossbarLinear

    chips = [CrossbarLinear.from_digital(layer, c.replace(nonidealities=None)) for c in (config, again)]
    assert chips[0].config.to_toml() == chips[1].config.to_toml()


@pytest.mark.parametrize(("data", "message"), [
    ({"tile_shap": [8, 8]}, "CrossbarConfig has no setting `tile_shap`; did you mean 'tile_shape'"),
    ({"periphery": {"type": "Periphery", "adc": {"type": "ADC", "bit": 3}}}, "CrossbarConfig.periphery.adc has no setting `bit`; did you mean 'bits'"),
    ({"periphery": {"adc": {"bits": 99}}}, "`bits` must be"),
    ({"wires": {"type": "Wire", "word": 1.0}}, "'Wire', which cannot be read.*did you mean 'Wires'"),
    ({"wires": {"wrd": 1.0}}, "CrossbarConfig.wires has no setting `wrd`"),
    ({"type": "ADC"}, "is no CrossbarConfig: its type is 'ADC'"),
    ({"nonidealities": {"drift": {"type": "ConductanceDrift"}}}, "CrossbarConfig.nonidealities.drift lacks the setting `time`"),
    ({"nonidealities": {"variability": [{"type": "Variability", "parameter": "r_on", "distribution": {"type": "scipy.stats.os"}}]}}, "there is no distribution 'scipy.stats.os'"),
    (["bits"], "must be a mapping"), (3, "must be a mapping"),
])
def test_what_is_wrong_is_named(data, message):
    with pytest.raises(ParameterError, match=message):
        CrossbarConfig.from_dict(data)


@pytest.mark.parametrize("text", ["", "[", "{", "3", "null", "a = 1 b", b"x", None, 3])
def test_other_text_is_refused(text):
    with pytest.raises(ParameterError, match="ADC"):
        ADC.from_json(text)
    if text != "":  # an empty file is TOML for all defaults
        with pytest.raises(ParameterError, match="ADC"):
            ADC.from_toml(text)


def test_by_hand():
    config = CrossbarConfig.from_toml("""
bits = 4

[wires]      # the type follows from the field
word = 2.0

[periphery.sense]
type = "LoadSense"
resistance = 500.0
""")
    assert (config.bits, float(config.wires.word), config.periphery.sense.resistance) == (4, 2.0, 500.0)


@dataclasses.dataclass(frozen=True)
class Mine:
    """A law of a user that is no `Settings`."""

    psd: float = 1.0

    def sample(self, *_, **__):
        """Return nothing."""


def test_objects_of_others_are_named_and_not_read():
    effects = NonIdealities(noise=Mine(2.0))
    assert effects.to_dict()["noise"] == {"type": "Mine", "psd": 2.0}
    with pytest.raises(ParameterError, match="'Mine', which cannot be read: import its module"):
        NonIdealities.from_dict(effects.to_dict())

    @dataclasses.dataclass(frozen=True)
    class Own(Mine, Settings):
        """One that is."""

    again = check(NonIdealities(noise=Own(3.0)))
    assert again.noise == Own(3.0)


PLAIN = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=12,
)


@given(st.dictionaries(st.text(), PLAIN, max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_toml_is_what_the_standard_library_reads(table):
    found = tomllib.loads(toml(table))
    assert found == table
    assert json.dumps(found, sort_keys=True) == json.dumps(table, sort_keys=True)  # types, too: 1.0 is not 1


def test_toml_has_no_none():
    with pytest.raises(ParameterError, match="TOML has nothing for None"):
        toml({"a": [None]})


FLOATS = st.floats(0.0, 1.0, exclude_min=True)


@given(bits=st.integers(2, 16), offset=FLOATS, sigma=FLOATS, word=st.floats(0.0, 1e9), seed=st.integers(0, 2**62), scale=st.none() | FLOATS)
@settings(max_examples=20, deadline=None)
def test_numbers_come_back_to_the_last_bit(bits, offset, sigma, word, seed, scale):
    config = CrossbarConfig(
        seed=seed, wires=Wires(word, 1.0), periphery=Periphery(adc=ADC(bits=bits, offset=offset, full_scale=scale)),
        nonidealities=NonIdealities(variability=Variability("r_on", LogNormal(sigma))),
    )
    for again in ways(config):
        assert again == config
