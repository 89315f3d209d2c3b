"""Every registered model, in a form in which its state sets its conductance."""

from crossbarsim.devices import ThresholdSelector, model, models


def threshold_selector(**parameters):
    return ThresholdSelector(**{"read_voltage": 0.6, **parameters})  # beyond its hold voltage


MAKERS = {name: model(name) for name in models()} | {"threshold_selector": threshold_selector}
