"""Second values of networks' functions and of studies of arrays."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from crossbarsim import Wires
from crossbarsim.devices import VTEAM, ExponentialSelector, LinearIonDrift, StaticSinh
from crossbarsim.nn import (
    age,
    bake,
    calibrate,
    compensate_drift,
    conductances,
    convert,
    equip,
    fold_batchnorm,
    hold,
    load_conductances,
    reference_reads,
    release,
    report,
    rewire,
    save_conductances,
)
from crossbarsim.nn.train import StochasticPulses, in_situ_update
from crossbarsim.nn.writing import forget_written
from crossbarsim.nonidealities import ConductanceDrift, FlickerNoise, NonIdealities, ReadNoise
from crossbarsim.periphery import ADC, DAC, Periphery, Technology
from crossbarsim.studies import (
    F1,
    Axis,
    CharacterModel,
    CharacterText,
    LanguageSettings,
    Listed,
    NetworkStudy,
    Perplexity,
    Sampled,
    Study,
    TopK,
    Zipped,
    device_spread,
    gradual_reset,
    load_text,
    network_study,
    read_delay,
    read_margin,
    trained_language_model,
)

from .acts import Refused, Row, Same, Second
from .acts_devices import SOLVER
from .rows import WORDS, chip, config, held_out, net, normed, tensor, trainee, words

CONVERTERS = {"periphery": Periphery(adc=ADC(bits=4), dac=DAC(bits=4)), "input_range": None}


def calibrated(**a: Any) -> Any:
    found = calibrate(a.pop("model", None) or chip(**CONVERTERS), **a)
    return found.to_dict() if hasattr(found, "to_dict") else str(found)


def weights(model: Any) -> Any:
    with torch.no_grad():
        return [p.clone() for p in model.parameters()], str(model)


def converted(model: Any, **a: Any) -> Any:
    before = type(model[0]).__name__
    made = convert(model, **a)
    with torch.no_grad():
        return made(tensor()), type(model[0]).__name__ == before, str(made)


def two() -> Any:
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(4, 4).double(), torch.nn.Linear(4, 3).double())


def folded(model: Any, **a: Any) -> Any:
    fold_batchnorm(model, **a)
    return str(model)


def equipped(**a: Any) -> Any:
    made = a.pop("model", None) or chip()
    made = equip(made, **a) or made
    with torch.no_grad():
        return made(tensor())


def baked(**a: Any) -> Any:
    with torch.no_grad():
        return bake(**a)(tensor())


def held(act: Any) -> Any:
    def use(network: Any = None, model: Any = None) -> Any:
        network = network or model
        act(network)
        with torch.no_grad():
            return network(tensor())

    return use


def saved(network: Any, folder: Any) -> Any:
    with tempfile.TemporaryDirectory() as where:
        paths = save_conductances(network, Path(where) / folder)
        return [(str(p.relative_to(where)), p.read_text(encoding="utf-8")) for p in paths]


def loaded(network: Any, source: Any) -> Any:
    before = conductances(network)
    load_conductances(network, source)
    found = conductances(network)
    load_conductances(network, None)
    assert all((a == b).all() for name in found for a, b in zip(before[name].values(), conductances(network)[name].values(), strict=True))
    return found


def examples(**a: Any) -> Any:
    text = CharacterText(**a)
    return text.alphabet, [t.numpy() for t in text.examples.tensors], text.training.numpy()


def spoken(model: Any) -> Any:
    with torch.no_grad():
        return model(torch.arange(4)[None]).numpy()


def seeded(**a: Any) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return spoken(CharacterModel(**a))


def learned(text: Any, settings: Any, progress: Any = None, on_step: Any = None) -> Any:
    told: list[Any] = []
    model = trained_language_model(
        text, settings, progress=told.append if progress else None,
        on_step=(lambda *step: told.append(step)) if on_step else None)
    return spoken(model), told


def reported(**a: Any) -> Any:
    found = report(**a)
    layer = found.layers[0]
    cost = layer.cost
    return found.output_error, layer.weight_error, layer.ir_drop, layer.cells, cost and (cost.energy.to_dict(), cost.area.to_dict())


def updated(model: Any = None, rule: Any = None) -> Any:
    model = model or trainee()
    in_situ_update(model, rule)
    with torch.no_grad():
        return model(torch.ones((1, model[0].in_features), dtype=torch.float64) * 0.05)


def filed(verb: Any) -> Any:
    """What a study returns and which files it writes."""
    def use(out: Any = None, **a: Any) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            found = verb(out=Path(folder) if out else None, **a)
            return found, [p.name for p in Path(folder).iterdir()]
    return use


def twice(model: Any, inputs: Any) -> Any:
    return model(2 * inputs)


def dimension(axis: Any) -> Any:
    return lambda **a: [(d.name, d.coordinates, d.units, rows) for d, rows in [axis(**a).dimension("axis")]]


def ran(stop: Any = None, **a: Any) -> Any:
    found = Study(stop=stop, **a).run()
    return found.dataset.to_dict(), found.settings


def too_large(branch: Any) -> bool:
    return bool(branch[-1]["value"] > 3)


def other(x: float, seed: int = 0) -> Any:
    return {"value": x + seed}


def scaled(context: float, x: float, seed: int = 0) -> Any:
    return {"value": context * x + seed}


def of_wires(config: Wires, x: float) -> Any:
    return {"value": x * float(config.word)}


def network_ran(stop: Any = None, **a: Any) -> Any:
    found = NetworkStudy(stop=stop, **a).run()
    return found.dataset.to_dict(), found.settings


def network_studied(out: Any = None, progress: Any = None, options: Any = None, **a: Any) -> Any:
    told: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        found = network_study(out=folder if out else None, progress=told.append if progress else None, **{**(options or {}), **a})
        return found.dataset.to_dict(), told, sorted(p.name for p in Path(folder).rglob("*"))


LATE = NonIdealities(drift=ConductanceDrift(1e4, nu=0.05, nu_sigma=0.02))
FLICKERING = NonIdealities(noise=ReadNoise(flicker=FlickerNoise(1e-3)))


def aged(**a: Any) -> Any:
    made = a.pop("model", None) or chip()
    age(made, **a)
    with torch.no_grad():
        return made(tensor())


def read(**a: Any) -> Any:
    made = a.pop("model", None) or chip(nonidealities=FLICKERING, input_range=1.0)
    return vars(reference_reads(made, **a))


def compensated(**a: Any) -> Any:
    made = a.pop("model", None) or chip(nonidealities=FLICKERING, input_range=1.0, tile_shape=(2, 2))
    reference = a.pop("reference")
    age(made, LATE.replace(noise=FLICKERING.noise))
    return compensate_drift(made, reference, **a), made(tensor())


def rewired(**a: Any) -> Any:
    made = a.pop("model", None) or chip()
    rewire(made, **a)
    with torch.no_grad():
        return made(tensor())


def scored(metric: Any) -> Any:
    def use(**a: Any) -> Any:
        found = metric(**a)
        found.update(torch.tensor([[3.0, 2.0, 1.0], [1.0, 3.0, 2.0], [3.0, 1.0, 2.0]]), torch.tensor([1, 1, 2]))
        return found.compute()
    return use


def lossy(branch: Any) -> bool:
    return bool(branch[-1]["output_error"] > 0)


CONVERTED = config(periphery=Periphery(adc=ADC(bits=4)))
GRID = {"wires.word": [1.0, 50.0], "g_on": [1e-4, 2e-4]}
NETWORK: dict[str, Any] = {
    "model": two(), "data": held_out(3), "config": config(bits=2), "axes": {"wires.word": [9.0]}, "metric": "top-1", "seeds": 2,
    "calibration": Second([3 * tensor()], config=CONVERTED), "correct": True, "examples": 3,
    "batch": Second(2, data=torch.utils.data.TensorDataset(*held_out()[0])), "options": {"overrides": {"0": {"bits": 2}}},
    "stop": Second(lossy, axes=GRID), "along": Second("wires.word", stop=lossy, axes=GRID), "units": {"output_error": "m"}, "name": "n",
}
AXES = {"x": [1.0, 2.0, 3.0]}
FILED = {
    "out": True, "executor": Same(ThreadPoolExecutor(1), "the same numbers anywhere"),
    "workers": Refused(1, "not both", executor=ThreadPoolExecutor(1)),
}
ROWS: dict[str, Row] = {
    "TopK": Row(scored(TopK)), "F1": Row(scored(F1)), "Perplexity": Row(scored(Perplexity)),
    "Axis": Row(dimension(Axis), seconds={"values": [1.0, 3.0], "fields": ("a", "b"), "unit": "m"}),
    "Zipped": Row(dimension(Zipped), seconds={"values": {"x": [1, 2], "y": [3, 5]}}),
    "Listed": Row(dimension(Listed), seconds={"points": [{"x": 1}, {"x": 3}]}),
    "Sampled": Row(dimension(Sampled), seconds={"ranges": {"x": (1.0, 2.0)}, "log": Second(("x",), ranges={"x": (0.5, 1.0)})}),
    "age": Row(aged, base={"model": None}, seconds={"model": chip(bits=2), "nonidealities": LATE}),
    "reference_reads": Row(read, base={"model": None}, seconds={"model": chip(bits=2, nonidealities=FLICKERING, input_range=1.0)}),
    "compensate_drift": Row(compensated, base={"model": None, "reference": reference_reads(
        chip(nonidealities=FLICKERING, input_range=1.0, tile_shape=(2, 2)))}, seconds={
        "model": chip(bits=2, nonidealities=FLICKERING, input_range=1.0, tile_shape=(2, 2)), "reference": None}),
    "rewire": Row(rewired, base={"model": None}, seconds={"model": chip(bits=2), "wires": Wires(50.0, 50.0)}),
    "NetworkStudy": Row(network_ran, base={"metric": "output-error"}, seconds=NETWORK),
    "network_study": Row(network_studied, base={"metric": "output-error"}, seconds={
        **{k: NETWORK[k] for k in ("model", "data", "config", "axes", "metric")}, "out": True,
        "executor": Same(ThreadPoolExecutor(1), "the same numbers anywhere"), "workers": Refused(1, "not both", executor=ThreadPoolExecutor(1)),
        "shard": Second((1, 2), out=True, axes={"wires.word": [1.0, 50.0]}), "retry": Same(True, "no point has failed"), "progress": True,
        "options": {"seeds": 3}}),
    "Study": Row(ran, seconds={
        "measure": other, "axes": {"x": [1.0, 3.0]}, "config": Second(Wires(2.0), measure=of_wires), "seeds": 2,
        "context": Second(2.0, measure=scaled), "stop": Second(too_large, axes=AXES), "units": {"value": "m"},
        "along": Second("x", stop=too_large, axes={**AXES, "seed_of": Axis([0, 1], fields="seed")}), "name": "n",
    }),
    "calibrate": Row(calibrated, base={"model": None}, seconds={
        "model": chip(bits=2, **CONVERTERS), "loader": [2 * tensor()], "percentile": 50.0, "correct": Second(True, model=None), "forward": twice}),
    "convert": Row(lambda model=None, factory=net, **a: converted(model or factory(), **a), base={"model": None, "overrides": None}, seconds={
        "model": torch.nn.Sequential(torch.nn.Linear(4, 2).double()), "config": config(bits=2, wires=Wires(10.0, 10.0)), "include": Second(["1"], factory=two, include=None), "exclude": Second(["1"], factory=two, include=None), "overrides": {"0": {"bits": 2}}, "fold": Second(True, factory=lambda: normed().double(), include=None), "inplace": True}),
    "bake": Row(baked, seconds={
        "network": chip(wires=Wires(50.0, 50.0)), "inputs": Refused("x", "must be tensors", network=chip(**CONVERTERS))}),
    "equip": Row(equipped, base={"model": None}, seconds={
        "model": chip(wires=Wires(50.0, 50.0)), "periphery": Periphery(driver_resistance=1e3)}),
    "conductances": Row(seconds={"network": chip(g_on=2e-4)}),
    "save_conductances": Row(saved, seconds={"network": chip(g_on=2e-4), "folder": "other"}),
    "load_conductances": Row(loaded, seconds={
        "network": chip(g_on=2e-4), "source": {"0": {"0-0-0-positive": torch.full((4, 3), 2e-5).numpy()}}}),
    "forget_written": Row(held(forget_written), seconds={"model": chip(wires=Wires(50.0, 50.0))}),
    "hold": Row(held(hold), seconds={"network": chip(wires=Wires(50.0, 50.0))}),
    "release": Row(held(release), seconds={"network": chip(wires=Wires(50.0, 50.0))}),
    "CharacterText": Row(examples, seconds={"text": WORDS[::-1]}),
    "load_text": Row(lambda **a: [t.numpy() for t in load_text(**a).examples.tensors], seconds={"path": __file__}),
    "LanguageSettings": Row(lambda **a: learned(words(), LanguageSettings(**a)), seconds={"width": 6, "heads": 1}),
    "CharacterModel": Row(seeded, seconds={
        "settings": LanguageSettings(width=6, heads=2, blocks=1)}),
    "trained_language_model": Row(learned, seconds={
        "text": CharacterText(WORDS[::-1], length=4), "settings": LanguageSettings(width=6, heads=2, blocks=1, steps=1),
        "progress": True, "on_step": True}),
    "fold_batchnorm": Row(lambda model=None, **a: folded(model or normed(), **a), base={"model": None, "inplace": True}, seconds={
        "model": torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.BatchNorm1d(2)).eval()}),
    "report": Row(reported, seconds={
        "model": chip(bits=2), "inputs": 0.5 * tensor(), "technology": Second(Technology(supply=2.0), model=chip(**{**CONVERTERS, "input_range": 1.0, "periphery": Periphery(dac=DAC(bits=4))})),
        "forward": twice}),
    "in_situ_update": Row(updated, base={"model": None}, seconds={"model": Same(trainee(), "built alike") , "rule": StochasticPulses(0.5)}),
    "device_spread": Row(filed(device_spread), seconds={**FILED, "device": VTEAM(r_on=100.0), "parameters": ("r_on",)}),
    "gradual_reset": Row(filed(gradual_reset), seconds={**FILED, "states": Second(3, amplitudes=None), "device": LinearIonDrift(r_on=200.0), "amplitudes": [0.4, 0.9]}),
    "read_delay": Row(filed(read_delay), seconds={
        "sizes": [3], "wires": Wires(2.0, 2.0, word_capacitance=1e-15), "cell_capacitance": 1e-15, "scheme": Second("v/2"), "solver": SOLVER,
        "out": True}),
    "read_margin": Row(filed(read_margin), seconds={
        "sizes": [3], "schemes": "v/2", "selector": ExponentialSelector(), "device": StaticSinh(), "wires": Wires(20.0, 20.0), "solver": SOLVER, "out": True}),
    "tile_map": Row(seconds={"name": "other"}),
}
