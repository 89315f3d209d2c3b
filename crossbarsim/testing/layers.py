"""The checks of a network's layer on crossbars; this module imports torch."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..core.errors import ParameterError
from ..netlists.crossbar.crossbar import Wires
from ..nn import CrossbarConfig, convert
from ..nn.convertible import crossbar_type
from ..periphery import ADC, Periphery
from .suite import Suite, check, refused, skip

__all__ = ["LayerChecks"]

_REAL: dict[str, Any] = {
    "tile_shape": (8, 6), "wires": Wires(2.0, 2.0), "r_on_sigma": 0.05, "seed": 3,
}


def _leaves(value: Any) -> list[Tensor]:
    """Return all tensors of an output."""
    if isinstance(value, Tensor):
        return [value]
    if value is None:
        return []
    return [leaf for item in value for leaf in _leaves(item)]


def _near(found: Any, expected: Any, what: str, rtol: float = 0.0, atol: float = 1e-10) -> None:
    """Raise an `AssertionError` unless all tensors of two outputs agree, types included."""
    mine, theirs = _leaves(found), _leaves(expected)
    check(len(mine) == len(theirs), f"{what}: another number of outputs")
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=rtol, atol=atol, msg=lambda text: f"{what}: {text}")


class LayerChecks(Suite):
    """Checks of a layer whose products are currents of crossbars.

    Give `make` and `inputs`; `kind` where `convert` does not know the layer.

    Attributes
    ----------
    batch : int
        The dimension of samples, of all inputs and outputs.
    needs_range : bool
        With converters a range of inputs must be known before the first read.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from crossbarsim.testing.layers import LayerChecks
    >>> class TestLinear(LayerChecks):
    ...     def make(self):
    ...         return nn.Linear(9, 7)
    ...
    ...     def inputs(self):
    ...         return (torch.randn(4, 9),)
    >>> len(TestLinear.run()) > 15
    True
    """

    batch: ClassVar[int] = 0
    needs_range: ClassVar[bool] = True

    def make(self) -> nn.Module:
        """Return torch's own layer."""
        raise NotImplementedError

    def inputs(self) -> Sequence[Tensor]:
        """Return inputs of its forward, a few samples."""
        raise NotImplementedError

    def kind(self) -> Any:
        """Return the class of the layer on crossbars."""
        return crossbar_type(self.make())

    # -- what checks start from ------------------------------------------------------------------

    def _digital(self) -> nn.Module:
        torch.manual_seed(5)
        return self.make().double()

    def _inputs(self, dtype: torch.dtype = torch.float64) -> list[Tensor]:
        torch.manual_seed(6)
        return [x.to(dtype) if x.is_floating_point() else x for x in self.inputs()]

    def _chip(self, layer: nn.Module | None = None, name: str = "layer", **settings: Any) -> Any:
        """Return the layer on real crossbars: wires, device variation."""
        config = CrossbarConfig(**{**_REAL, **settings})
        return self.kind().from_digital(self._digital() if layer is None else layer, config, name)

    def _ideal(self, layer: nn.Module, path: str) -> Any:
        config = CrossbarConfig.ideal(tile_shape=(8, 6), path=path)
        return self.kind().from_digital(layer, config, "layer")

    def _loss(self, outputs: Any) -> Tensor:
        generator = torch.Generator().manual_seed(7)
        total = torch.zeros((), dtype=torch.float64)
        for y in _leaves(outputs):
            weights = torch.randn(y.shape, dtype=torch.float64, generator=generator)
            total = total + (y.double() * weights).sum()
        return total

    def _slopes(self, layer: Any, inputs: Sequence[Tensor]) -> list[Tensor | None]:
        given = [x.clone().requires_grad_() if x.is_floating_point() else x for x in inputs]
        over = [x for x in given if x.requires_grad] + list(layer.parameters())
        return list(torch.autograd.grad(self._loss(layer(*given)), over, allow_unused=True))

    # -- ideal crossbars -------------------------------------------------------------------------

    def test_ideal_crossbars_compute_what_torch_computes(self) -> None:
        """Outputs, by vectors and by matrix."""
        layer, x = self._digital(), self._inputs()
        expected = layer(*x)
        for path in ("vectors", "matrix"):
            _near(self._ideal(copy.deepcopy(layer), path)(*x), expected, f"outputs by {path}")

    def test_ideal_gradients(self) -> None:
        """Gradients by every input and parameter, by vectors and by matrix."""
        layer, x = self._digital(), self._inputs()
        expected = self._slopes(layer, x)
        for path in ("vectors", "matrix"):
            found = self._slopes(self._ideal(copy.deepcopy(layer), path), x)
            for a, b in zip(found, expected, strict=True):
                if a is None or b is None:
                    check(all(g is None or not g.any() for g in (a, b)), "a gradient is missing")
                else:
                    _near(a, b, f"gradients by {path}", rtol=1e-9)

    def test_effective_weights_of_ideal_crossbars(self) -> None:
        """`effective_weights` are the weights."""
        chip = self._ideal(self._digital(), "matrix")
        _, weight, _ = next(chip.stored_matrices())
        found = chip.effective_weights()
        check(found.dtype == torch.float64, "effective weights are float64")
        if found.shape == weight.shape:
            _near(found, weight.detach(), "effective weights", atol=1e-9)

    # -- what stays torch's ----------------------------------------------------------------------

    def test_names_and_parameters_are_kept(self) -> None:
        """The state's names, and the parameters themselves."""
        layer = self._digital()
        chip = self._chip(layer)
        state = chip.state_dict()
        for name, value in layer.state_dict().items():
            check(name in state, f"`{name}` is missing in the state")
            check(torch.equal(state[name], value), f"`{name}` is another one in the state")
        mine = dict(chip.named_parameters())
        for name, parameter in layer.named_parameters():
            check(mine.get(name) is parameter, f"`{name}` is a copy")
        check(len(mine) == len(list(layer.parameters())), "the layer has more parameters")

    def test_it_is_still_torchs_layer(self) -> None:
        """`isinstance` of torch's type; options, mode and hooks are kept."""
        layer = self._digital()
        called = []
        layer.register_forward_hook(lambda *_: called.append(1))
        layer.eval()
        chip = self._chip(layer)
        if self.kind().__bases__[-1] is not nn.Module:  # another package's layer
            check(isinstance(chip, type(layer)), f"it is no {type(layer).__name__}")
        check(not chip.training, "the mode is lost")
        chip(*self._inputs())
        check(called == [1], "a hook is lost")
        check("tiles" in repr(chip), "`repr` says nothing of the tiles")
        for name, value in vars(layer).items():
            if isinstance(value, (bool, int, float, str, tuple)) and name[0] != "_":
                check(getattr(chip, name) == value, f"`{name}` is lost")

    def test_the_digital_layer_is_left_alone(self) -> None:
        """Conversion changes neither torch's layer nor its outputs."""
        layer, x = self._digital(), self._inputs()
        before, names = layer(*x), set(vars(layer))
        self._chip(layer)(*x)
        check(set(vars(layer)) == names, "the digital layer has new attributes")
        _near(layer(*x), before, "the digital layer's outputs", atol=0.0)

    def test_convert_finds_it(self) -> None:
        """`convert` puts this layer in the place of torch's."""
        if crossbar_type(self.make()) is None:
            raise skip("`convert` does not know it")
        network: Any = convert(nn.Sequential(self._digital()), CrossbarConfig(**_REAL))
        check(type(network[0]) is self.kind(), "`convert` makes another layer")

    def test_wrong_configurations_are_refused(self) -> None:
        """What is no `CrossbarConfig` is refused by name."""
        refused(partial(self.kind().from_digital, self._digital(), {"tile_shape": (8, 6)}),
                "a dict in place of a CrossbarConfig")

    # -- real crossbars --------------------------------------------------------------------------

    def test_real_crossbars_are_near_and_not_the_same(self) -> None:
        """Wires and devices change outputs, a little."""
        layer, x = self._digital(), self._inputs()
        exact, found = (
            torch.cat([y.detach().flatten().double() for y in _leaves(each(*x))])
            for each in (layer, self._chip(layer))
        )
        check(bool(torch.isfinite(found).all()), "an output is not finite")
        off = float((found - exact).norm() / exact.norm())
        check(1e-9 < off < 0.5, f"outputs differ by {off:.2g} of themselves")

    def test_two_paths(self) -> None:
        """Solving every vector is multiplying by the effective matrix, and so are gradients."""
        layer, x = self._digital(), self._inputs()
        chips = [self._chip(copy.deepcopy(layer), path=p) for p in ("vectors", "matrix")]
        one, other = (chip(*x) for chip in chips)
        _near(one, other, "outputs by vectors and by matrix", rtol=1e-6, atol=1e-8)
        for a, b in zip(*(self._slopes(chip, x) for chip in chips), strict=True):
            if a is not None and b is not None:
                _near(a, b, "gradients by vectors and by matrix", rtol=1e-5, atol=1e-7)

    def test_gradients_on_real_crossbars(self) -> None:
        """Gradients by inputs against differences of the loss."""
        x = self._inputs()
        if not any(v.is_floating_point() for v in x):
            raise skip("its inputs are integers")
        for path in ("vectors", "matrix"):
            chip = self._chip(path=path)
            way = [torch.randn_like(v) if v.is_floating_point() else v for v in x]
            grads = iter(self._slopes(chip, x))
            exact = 0.0
            for v, d in zip(x, way, strict=True):
                if v.is_floating_point() and (grad := next(grads)) is not None:
                    exact += float((grad * d).sum())

            def loss(step: float, chip: Any = chip, way: list[Tensor] = way) -> float:
                moved = [v + step * d if v.is_floating_point() else v
                         for v, d in zip(x, way, strict=True)]
                return float(self._loss(chip(*moved)).detach())

            h = 1e-5
            numeric = (loss(h) - loss(-h)) / (2.0 * h)
            check(abs(exact - numeric) <= 1e-4 * abs(numeric) + 1e-6,
                  f"gradient {exact:g} by {path}; differences {numeric:g}")

    def test_samples_are_independent(self) -> None:
        """Each sample of a batch alone has the same outputs."""
        x = self._inputs()
        for path in ("vectors", "matrix"):
            chip = self._chip(path=path)
            whole = chip(*x)
            for k in range(x[0].shape[self.batch]):
                alone = chip(*(v.narrow(self.batch, k, 1) for v in x))
                part = [y.narrow(self.batch, k, 1) for y in _leaves(whole)]
                _near(alone, part, f"sample {k} by {path}", rtol=1e-7, atol=1e-9)

    def test_reading_twice_is_the_same(self) -> None:
        """Nothing is drawn anew when a layer without read noise is read again."""
        chip, x = self._chip(), self._inputs()
        first = chip(*x)
        _near(chip(*x), first, "the second read", atol=1e-12)

    def test_modes(self) -> None:
        """Training and evaluation read the same chip; `torch.no_grad` keeps no graph."""
        chip, x = self._chip(), self._inputs()
        trained = chip.train()(*x)
        _near(chip.eval()(*x), trained, "outputs in evaluation", atol=1e-10)
        with torch.no_grad():
            quiet = chip(*x)
        _near(quiet, [y.detach() for y in _leaves(trained)], "outputs without gradients")
        check(not any(y.requires_grad for y in _leaves(quiet)), "a graph is kept")
        check(any(y.requires_grad for y in _leaves(chip(*x))), "no gradients afterwards")

    def test_seeds_and_names(self) -> None:
        """Seed and name of the layer are the chip."""
        x = self._inputs()
        same = self._chip()(*x)
        _near(self._chip()(*x), same, "the same seed and name", atol=1e-12)
        for other in (self._chip(seed=4), self._chip(name="other")):
            moved = [float((a - b).detach().abs().max())
                     for a, b in zip(_leaves(other(*x)), _leaves(same), strict=True)]
            check(max(moved) > 1e-9, "another seed or name is the same chip")

    def test_types(self) -> None:
        """A float32 layer has float32 outputs, those of float64 to single precision."""
        x = self._inputs(torch.float32)
        expected = [y.float() for y in _leaves(self._chip()(*self._inputs()))]
        _near(self._chip(self._digital().float())(*x), expected, "float32", rtol=1e-3, atol=1e-4)

    def test_strided_inputs(self) -> None:
        """Inputs whose numbers do not lie side by side."""
        chip, x = self._chip(), self._inputs()
        spread = [torch.stack([v, v], dim=-1)[..., 0] for v in x]
        _near(chip(*spread), chip(*x), "outputs of strided inputs", atol=1e-12)

    # -- copies, states, training ----------------------------------------------------------------

    def _again(self, change: Callable[[Any], Any], what: str) -> None:
        chip, x = self._chip(), self._inputs()
        before = chip(*x)
        made = change(chip)
        _near(made(*x), before, what, atol=1e-12)
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.mul_(0.5)
        made(*x)
        _near(chip(*x), before, f"the layer after {what} has changed", atol=1e-12)

    def test_copies(self) -> None:
        """A deep copy is the same chip, and a layer of its own."""
        self._again(copy.deepcopy, "a copy's outputs")

    def test_pickles(self) -> None:
        """A pickle is the same chip."""
        self._again(lambda c: pickle.loads(pickle.dumps(c)), "a pickle's outputs")  # noqa: S301

    def test_the_state_is_the_chip(self) -> None:
        """A state loaded into a chip of another seed is the first chip."""
        chip, x = self._chip(), self._inputs()
        expected = chip(*x)
        other = self._chip(seed=9)
        other.load_state_dict(copy.deepcopy(chip.state_dict()))
        _near(other(*x), expected, "outputs of a loaded state", atol=1e-10)

    def test_new_weights_are_noticed(self) -> None:
        """Weights written in place are on the crossbars at the next read."""
        x = self._inputs()
        for path in ("vectors", "matrix"):
            chip = self._chip(path=path)
            chip(*x)
            layer = self._digital()
            with torch.no_grad():
                for mine, theirs in zip(chip.parameters(), layer.parameters(), strict=True):
                    mine.mul_(0.7).add_(0.01)
                    theirs.mul_(0.7).add_(0.01)
            _near(chip(*x), self._chip(layer, path=path)(*x), f"new weights by {path}", rtol=1e-7,
                  atol=1e-9)

    def test_training(self) -> None:
        """A step down the gradient lowers a loss; frozen weights get no gradient."""
        chip, x = self._chip(), self._inputs()
        goal = [torch.zeros_like(y) for y in _leaves(chip(*x))]

        def loss() -> Tensor:
            return sum(
                (((y - g) ** 2).sum() for y, g in zip(_leaves(chip(*x)), goal, strict=True)),
                start=torch.zeros((), dtype=torch.float64),
            )

        first = loss()
        first.backward()  # type: ignore[no-untyped-call]
        size = sum(float((p.grad**2).sum()) for p in chip.parameters() if p.grad is not None)
        check(size > 0.0, "no gradient reaches the weights")
        with torch.no_grad():
            for parameter in chip.parameters():
                if parameter.grad is not None:
                    parameter.sub_(1e-3 * float(first.detach()) / size * parameter.grad)
        check(float(loss().detach()) < float(first.detach()),
              "a step down the gradient raises the loss")
        frozen = self._chip(self._digital().requires_grad_(requires_grad=False))
        check(not any(y.requires_grad for y in _leaves(frozen(*x)))
              or any(v.requires_grad for v in x), "frozen weights ask for gradients")

    def test_a_range_must_be_known(self) -> None:
        """With converters and no range of inputs a read is refused."""
        if not self.needs_range:
            raise skip("its inputs are known")
        chip = self._chip(periphery=Periphery(adc=ADC(bits=8)))
        try:
            chip(*self._inputs())
        except ParameterError as error:
            check("input_range" in str(error) or "calibrate" in str(error),
                  f"the refusal does not say what to do: {error}")
        else:
            raise AssertionError("a read without a known range of inputs is accepted")
