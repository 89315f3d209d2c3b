"""Fields of records of settings by dotted names."""

import dataclasses

import pytest

from crossbarsim import ParameterError, Wires
from crossbarsim.core.settings import field_names, with_fields
from crossbarsim.nn import CrossbarConfig
from crossbarsim.nonidealities import NonIdealities, Normal, Variability
from crossbarsim.periphery import ADC, Periphery

CONFIG = CrossbarConfig()


@dataclasses.dataclass(frozen=True)
class Foreign:
    bits: int = 4
    wires: Wires = dataclasses.field(default_factory=Wires)


def test_several_fields_of_several_records_at_once():
    made = with_fields(CONFIG, {
        "wires.word": 3.0, "wires.bit": 4.0, "tile_shape": (32, 16), "periphery.adc.bits": 5,
        "periphery.adc.percentile": 99.0, "nonidealities.faults.stuck_on": 0.1,
    })
    assert (float(made.wires.word), float(made.wires.bit)) == (3.0, 4.0)
    assert made.tile_shape == (32, 16)
    assert made.periphery == Periphery(adc=ADC(bits=5, percentile=99.0))
    assert made.nonidealities.faults.stuck_on == 0.1
    assert CrossbarConfig() == CONFIG  # the first one is as it was


def test_what_is_there_stays():
    base = CONFIG.replace(periphery=Periphery(adc=ADC(bits=8, dnl=0.2)))
    assert with_fields(base, {"periphery.adc.bits": 4}).periphery.adc == ADC(bits=4, dnl=0.2)


def test_entries_of_tuples_by_number():
    base = NonIdealities(variability=(Variability("r_on", Normal(0.1)), Variability("r_off", Normal(0.2))))
    made = with_fields(base, {"variability.1.distribution.sigma": 0.3})
    assert {one.distribution.sigma for one in made.variability} != {0.1, 0.2}
    with pytest.raises(ParameterError, match=r"no field 'variability\.2"):
        with_fields(base, {"variability.2.distribution.sigma": 0.3})


def test_records_by_name_and_foreign_dataclasses():
    made = with_fields({"wires": Wires(1.0, 1.0), "other": Foreign()}, {"wires.word": 2.0, "other.wires.bit": 3.0})
    assert float(made["wires"].word) == 2.0
    assert float(made["other"].wires.bit) == 3.0
    assert {"wires.word", "other.bits", "other.wires.bit"} <= set(field_names(made))


@pytest.mark.parametrize(("changes", "message"), [
    ({"wires.wrod": 1.0}, r"no field 'wires\.wrod'; did you mean 'wires\.word'"),
    ({"word": 1.0}, r"did you mean 'wires\.word'"),
    ({"periphery.adc.bit": 4}, r"did you mean 'periphery\.adc\.bits'"),
    ({"tile_shap": (2, 2)}, "did you mean 'tile_shape'"),
    ({"seed.x": 1}, r"no field 'seed\.x'"),
    ({"nonidealities.drift.nu": 1}, "'nonidealities.drift' is None"),
    ({"wires.word": -1.0}, "word"),
    ({"nonidealities.states.spacing": "resistance"}, "lacks `count`"),
    ({"wires": Wires(), "wires.word": 1.0}, "sets as a whole"),
    ({"wires.word": 1.0, "wires": Wires()}, "sets as a whole"),
])
def test_what_cannot_be_set(changes, message):
    with pytest.raises(ParameterError, match=message):
        with_fields(CONFIG, changes)


def test_every_name_is_a_field():
    names = list(field_names(CONFIG))
    assert len(set(names)) == len(names) > 80
    given = {"wires.driver": 2.0, "g_on": 2e-4, "periphery.driver_resistance": 5.0}
    made = with_fields(CONFIG, given)
    assert [float(made.wires.driver), made.g_on, made.periphery.driver_resistance] == list(given.values())
