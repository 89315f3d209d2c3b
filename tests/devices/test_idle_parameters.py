"""Parameters that act with some windows alone: which, and what a deck says where they do not."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice

from crossbarsim import ParameterError
from crossbarsim.devices import model, models

ROWS = [
    (name, parameter, choice, word)
    for name in models()
    for parameter, (choice, _) in model(name).acts_with.items()
    for word in model(name)._declared[choice].choices
]


def rates(device):
    """Return the rates over the range of voltages and states."""
    low, high = (float(np.ravel(b)[0]) for b in device.bounds())
    x = low + (high - low) * np.linspace(0.02, 0.98, 25)
    return np.array([device.rate(v, [x]) for v in (-3.0, -1.0, 1.0, 3.0)])


@pytest.mark.parametrize(("name", "parameter", "choice", "word"), ROWS)
def test_a_parameter_acts_with_the_words_that_are_stated(name, parameter, choice, word):
    cls = model(name)
    value = 1.7 * float(getattr(cls(), parameter))
    every = {**cls().parameters(), choice: word}  # all of them: as of another device
    one, two = cls(**every), cls(**{**every, parameter: value})
    acts = word in cls.acts_with[parameter][1]
    assert np.array_equal(rates(one), rates(two)) == (not acts)
    for ask in (lambda: cls(**{choice: word, parameter: value}), lambda: one.replace(**{parameter: value})):
        if acts:
            assert getattr(ask(), parameter) == value
        else:
            with pytest.raises(ParameterError, match=f"`{parameter}` acts with `{choice}` "):
                ask()
    deck = f"card\nv1 a 0 1\nn1 a 0 m\n.model m {name}({choice}={word} {parameter}={value!r})\n.op\n.end\n"
    said = [note for note in read_spice(deck).notes if f"`{parameter}` acts where `{choice}`" in note]
    assert len(said) == (not acts)
    assert all(f"{choice}={word}" in note for note in said)


def test_models_with_windows_say_what_belongs_to_them():
    assert {row[0] for row in ROWS} == {name for name in models() if "window" in model(name)._declared}
