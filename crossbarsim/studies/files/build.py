"""A study file to the study that it describes: models and data are imported."""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import TensorDataset

from ...core.errors import CrossbarSimError, ParameterError
from ...core.settings import closest, read_plain
from ...nn import CrossbarConfig
from ..data.dataset import Labelled, load
from ..engine.axes import dimensions_of
from ..engine.study import Study
from ..network.study import NetworkStudy
from .document import StudyFile, StudyFileError, axes_of

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """A study that is ready to run.

    Attributes
    ----------
    study : Study
    out : Path
        Folder of its record and results.
    """

    study: Study
    out: Path


def prepare(file: StudyFile) -> Prepared:
    """Return the study of a file.

    Modules are found beside the file, and where Python finds them.

    Raises
    ------
    StudyFileError
        With the line: a module or name that is not there, a state that does not fit the model, data
        that cannot be read, settings or axes that are refused.
    """
    head = file.table("study")
    out = file.near(head.get("out", f"results/{file.path.stem}"))
    with _found_beside(file.path):
        options: dict[str, Any] = {
            "seeds": head.get("seeds"), "units": head.get("units"),
            "threads": head.get("threads", 1),
            "name": head.get("name", file.path.stem),
        }
        if "stop" in head:
            options |= {"stop": _imported(file, head["stop"], "study", "stop"),
                        "along": head.get("along")}
        make = _of_measure if "measure" in file.content else _of_network
        return Prepared(make(file, options), out)


@contextmanager
def _found_beside(path: Path) -> Iterator[None]:
    """Let Python find modules beside a file, also in workers, which take over the path."""
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    yield


def _study(
    file: StudyFile, make: Callable[[], Study], axes: dict[Any, Any]
) -> Study:
    """Make a study; an error that names an axis gets its line."""
    try:
        return make()
    except StudyFileError:
        raise
    except CrossbarSimError as error:
        told = str(error)
        for name, axis in axes.items():
            try:
                fields = [n for _, rows in dimensions_of({name: axis}) for n in rows[0]]
            except ParameterError as wrong:
                raise file.error(str(wrong), "axes", str(name)) from error
            if any(f"axis {n!r}" in told for n in (name, *fields)):
                raise file.error(told, "axes", str(name)) from error
        for word, key in (("`calibration`", ("calibration",)), ("`data`", ("data",)),
                          ("metric", ("metric",)), ("`seeds`", ("study", "seeds")),
                          ("`threads`", ("study", "threads")), ("`along`", ("study", "along")),
                          ("the model", ("model",)), ("layer", ("model",))):
            if word in told and key[0] in file.content:
                raise file.error(told, *key) from error
        raise StudyFileError(told, file.path) from error


def _of_measure(file: StudyFile, options: dict[str, Any]) -> Study:
    table = file.table("measure")
    names = table["import"]
    measures = [_imported(file, n, "measure", "import")
                for n in ([names] if isinstance(names, str) else names)]
    context = None
    if "context" in table:
        context = _made(file, "measure", "context", "context_arguments")
    axes = axes_of(file)
    config = None
    if "config" in file.content:
        config = _config(file)
    return _study(file, lambda: Study(
        measures[0] if len(measures) == 1 else measures, axes, config=config, context=context,
        **options), axes)


def _of_network(file: StudyFile, options: dict[str, Any]) -> Study:
    model = _model(file)
    data = _data(file)
    config, axes = _config(file), axes_of(file)
    if not isinstance(config, CrossbarConfig):
        raise file.error(f"[config] must be a CrossbarConfig; it is a {type(config).__name__}",
                         "config", "type")
    chosen = {k: v for k, v in file.table("model").items() if k in ("include", "exclude", "fold")}
    calibration = file.table("calibration")
    typical = None
    if "import" in calibration:
        typical = _made(file, "calibration", "import", "arguments")
    metric = file.content.get("metric", "accuracy")
    if isinstance(metric, dict):
        metric = {name: _metric(file, one) for name, one in metric.items()}
    else:
        several = [metric] if not isinstance(metric, list) else metric
        metric = [_metric(file, one) for one in several]
    return _study(file, lambda: NetworkStudy(
        model, data, config, axes=axes, metric=metric, calibration=typical,
        correct=calibration.get("correct", False), batch=file.table("data").get("batch", 128),
        examples=file.table("data").get("examples"), options=chosen, **options), axes)


def _metric(file: StudyFile, one: Any) -> Any:
    return _imported(file, one, "metric") if isinstance(one, str) and ":" in one else one


def _config(file: StudyFile) -> Any:
    given = {"type": "CrossbarConfig", **file.table("config")}
    try:
        return read_plain(given, "config")
    except ParameterError as error:
        raise file.error(str(error), "config", *_blamed(given, str(error))) from error


def _blamed(given: dict[str, Any], message: str) -> tuple[str, ...]:
    """Return the path of the key that a message of `CrossbarConfig` names."""
    for key, value in given.items():
        if isinstance(value, dict):
            inner = _blamed(value, message)
            if inner:
                return (key, *inner)
        if f"`{key}`" in message or f"`{key}." in message or f".{key}" in message:
            return (key,)
    return ()


def _model(file: StudyFile) -> nn.Module:
    model = _made(file, "model", "import", "arguments")
    if not isinstance(model, nn.Module):
        raise file.error(f"`import` must give a torch.nn.Module; it gives {type(model).__name__}",
                         "model", "import")
    name = file.table("model").get("state_dict")
    if name is None:
        return model
    path = file.near(name)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise file.error(f"{path}: there is no such file", "model", "state_dict") from None
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise file.error(f"{path}: is no state of a model: {error!s:.200}", "model",
                         "state_dict") from error
    try:
        model.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise file.error(f"{path}: does not fit the model: {' '.join(str(error).split())[:400]}",
                         "model", "state_dict") from error
    return model


def _data(file: StudyFile) -> Any:
    table = file.table("data")
    if "import" in table:
        return _made(file, "data", "import", "arguments")
    try:
        found = load(file.near(table["folder"]) if table["folder"] else None)
    except CrossbarSimError as error:
        raise file.error(str(error), "data", "folder") from error
    return _standardised(found.test, found.train, found.full_scale)


def _standardised(part: Labelled, train: Labelled, full_scale: int) -> TensorDataset:
    """Return images as float32 with the mean and deviation of the training images taken off."""
    bright = train.images.astype(np.float32) / full_scale
    mean = bright.mean(axis=(0, 2, 3), dtype=np.float64)[:, None, None]
    std = np.maximum(bright.std(axis=(0, 2, 3), dtype=np.float64), 1e-6)[:, None, None]
    images = (part.images / full_scale - mean) / std
    return TensorDataset(torch.from_numpy(images.astype(np.float32)), torch.from_numpy(part.labels))


def _made(file: StudyFile, table: str, key: str, arguments: str) -> Any:
    """Return what an import path gives; functions and classes are called."""
    found = _imported(file, file.table(table)[key], table, key)
    given = file.table(table).get(arguments)
    data_like = isinstance(found, nn.Module) or not callable(found)
    if data_like:
        if given:
            raise file.error("`arguments` are for functions and classes; this is "
                             f"{type(found).__name__}", table, arguments)
        return found
    try:
        return found(**(given or {}))
    except CrossbarSimError as error:
        raise file.error(str(error), table, key) from error
    except Exception as error:
        raise file.error(f"{file.table(table)[key]} raised {type(error).__name__}: {error}",
                         table, key) from error


def _imported(file: StudyFile, name: str, *key: str) -> Any:
    """Return what ``module:name`` names.

    Raises
    ------
    StudyFileError
        It is not there, or its module raises an error.
    """
    module, mark, inner = name.partition(":")
    if not (mark and module and inner):
        raise file.error(f"{name!r} must be an import path, module:name", *key)
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise file.error(f"there is no module {error.name!r} (looked for beside the file, and "
                         "where Python looks)", *key) from None
    except Exception as error:
        raise file.error(f"module {module!r} raised {type(error).__name__}: {error}",
                         *key) from error
    for part in inner.split("."):
        if not hasattr(found, part):
            known = [n for n in vars(found) if not n.startswith("_")]
            raise file.error(f"{module} has no {part!r}{closest(part, known, most=12)}", *key)
        found = getattr(found, part)
    return found
