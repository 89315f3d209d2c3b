"""Laws as statements of Verilog-A.

The same functions that are compiled for the solver are read here and written statement by
statement. Functions of scalars that a law calls become analog functions. Only what every compiler
of Verilog-A knows is used; functions of `math` that it lacks are written out.
"""

from __future__ import annotations

import ast
import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import ParameterError
from .text import SIGNS, tree_of

__all__ = ["VerilogALaws", "free_name", "real"]

_SAME = {
    "exp": "exp", "log": "ln", "log10": "log", "sqrt": "sqrt", "sin": "sin", "cos": "cos",
    "tan": "tan", "asin": "asin", "acos": "acos", "atan": "atan", "sinh": "sinh", "cosh": "cosh",
    "tanh": "tanh", "asinh": "asinh", "fabs": "abs", "floor": "floor", "ceil": "ceil",
}
# exact to rounding, and finite wherever the function is
_WRITTEN = {
    "expm1": """\
    if (x < -40.0)
        {0} = exp(x) - 1.0;
    else
        {0} = 2.0 * exp(0.5 * x) * sinh(0.5 * x);""",
    "log1p": """\
    if (abs(x) < 1e-4)
        {0} = x * (1.0 - x * (0.5 - x * (1.0 / 3.0 - 0.25 * x)));
    else
        {0} = ln(1.0 + x);""",
    # Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.6 and 7.1.14
    "erf": """\
    size = abs(x);
    if (size < 2.5) begin
        term = x;
        sum = x;
        for (k = 1.0; k < 60.0; k = k + 1.0) begin
            term = term * 2.0 * x * x / (2.0 * k + 1.0);
            sum = sum + term;
        end
        {0} = 1.1283791670955126 * exp(-x * x) * sum;
    end else if (size < 6.0) begin
        sum = size;
        for (k = 60.0; k > 0.0; k = k - 1.0)
            sum = size + 0.5 * k / sum;
        sum = 1.0 - 0.5641895835477563 * exp(-x * x) / sum;
        {0} = x > 0.0 ? sum : -sum;
    end else
        {0} = x > 0.0 ? 1.0 : -1.0;""",
}
_LOCALS = {"erf": "size, term, sum, k"}
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/",
}
# of Verilog-AMS 2.4, and names that simulators give every instance
_KEYWORDS = frozenset(re.findall(r"\w+", """
above abs absdelay absdelta abstol access acos acosh ac_stim aliasparam always analog analysis and
asin asinh assert assign atan atan2 atanh automatic begin branch buf bufif0 bufif1 case casex casez
ceil cell cmos config connect connectmodule connectrules continuous cos cosh cross ddt ddt_nature
ddx deassign default define defparam design disable discipline discrete domain driver_update edge
else end endcase endconfig endconnectrules enddiscipline endfunction endgenerate endmodule
endnature endparamset endprimitive endspecify endtable endtask event exclude exp final_step
flicker_noise floor flow for force forever fork from function generate genvar ground highz0 highz1
hypot idt idt_nature idtmod if ifnone incdir include inf initial initial_step inout input instance
integer join laplace_nd laplace_np laplace_zd laplace_zp large last_crossing liblist library
limexp ln localparam log macromodule max medium merged min module nand nature negedge net_resolution
nmos noise_table noise_table_log nor noshowcancelled not notif0 notif1 or output parameter paramset
pmos posedge potential pow primitive pull0 pull1 pulldown pullup pulsestyle_ondetect
pulsestyle_onevent rcmos real realtime reg release repeat resolveto rnmos rpmos rtran rtranif0
rtranif1 scalared showcancelled signed sin sinh slew small specify specparam split sqrt string
strong0 strong1 supply0 supply1 table tan tanh task time timer tran tranif0 tranif1 transition tri
tri0 tri1 triand trior trireg units unsigned use uwire vectored wait wand weak0 weak1 while
white_noise wire wor wreal xnor xor zi_nd zi_np zi_zd zi_zp
electrical voltage current thermal m temp dtemp dt
"""))


def free_name(name: str, taken: set[str]) -> str:
    """Return `name`, changed where it is a word of the language or taken, case apart; take it."""
    found = name
    while found.lower() in _KEYWORDS or found.lower() in taken:
        found += "_"
    taken.add(found.lower())
    return found


def real(value: float) -> str:
    """Return all digits of a finite number, in brackets where it is negative."""
    text = repr(float(value))
    return text if math.copysign(1.0, value) > 0 else f"({text})"


class VerilogALaws:
    """Writes the laws of one module.

    Parameters
    ----------
    parameters : mapping of str to str
        What a parameter is called in the module.
    choices : mapping of str to sequence of str
        Words between which a parameter chooses; in the module it is the word's number.
    taken : set of str
        Names that are in use, in small letters; new ones are added.
    """

    def __init__(
        self, parameters: Mapping[str, str], choices: Mapping[str, Sequence[str]], taken: set[str],
    ) -> None:
        self.parameters, self.choices, self.taken = parameters, choices, taken
        self.functions: dict[Any, tuple[str, str]] = {}  # name and text of analog functions
        self.used: set[str] = set()  # parameters
        self.variables: list[str] = []

    def law(
        self, function: Callable[..., Any], scalars: Mapping[str, str], states: Mapping[str, str],
        results: Sequence[str],
    ) -> list[str]:
        """Return the statements that give the variables `results` what a law returns.

        Parameters
        ----------
        function : callable
        scalars, states : mapping of str to str
            What the law's arguments, and ``x.name``, are called in the module.
        results : sequence of str

        Raises
        ------
        ParameterError
            What cannot be written, by line.
        """
        reader = _Statements(self, function, results, states=states, law=True)
        for argument in reader.node.args.args:
            if argument.arg not in ("x", "p"):
                if argument.arg not in scalars:
                    reader.refuse(argument, f"the argument `{argument.arg}`")
                reader.names[argument.arg] = scalars[argument.arg]
        lines = reader.body()
        self.variables += reader.variables
        return lines

    def function(self, function: Callable[..., Any]) -> tuple[str, int]:
        """Return the name of the analog function of a function of scalars, and its arguments."""
        count = len(inspect.signature(function).parameters)
        if function not in self.functions:
            name = free_name(f"f_{function.__name__}", self.taken)
            self.functions[function] = (name, "")
            reader = _Statements(self, function, [name], states={}, law=False)
            inputs = [reader.variable(a.arg) for a in reader.node.args.args]
            lines = reader.body()
            own = reader.variables[len(inputs):]
            # again, so that functions stand behind those that they call
            del self.functions[function]
            self.functions[function] = (name, _function(name, inputs, own, lines))
        return self.functions[function][0], count

    def written(self, name: str) -> str:
        """Return the name of the analog function of a function that the language lacks."""
        if name not in self.functions:
            found = free_name(f"f_{name}", self.taken)
            own = _LOCALS[name].split(", ") if name in _LOCALS else []
            body = _WRITTEN[name].format(found).splitlines()
            self.functions[name] = (found, _function(found, ["x"], own, [k[4:] for k in body]))
        return self.functions[name][0]

    def texts(self) -> list[str]:
        """Return the analog functions."""
        return [text for _, text in self.functions.values()]


def _function(name: str, inputs: Sequence[str], own: Sequence[str], lines: Sequence[str]) -> str:
    head = [f"analog function real {name};", f"    input {', '.join(inputs)};",
            f"    real {', '.join([*inputs, *own])};", "    begin"]
    return "\n".join([*head, *(f"        {line}" for line in lines), "    end", "endfunction"])


class _Statements:
    """Writes one function."""

    def __init__(
        self, laws: VerilogALaws, function: Callable[..., Any], results: Sequence[str], *,
        states: Mapping[str, str], law: bool,
    ) -> None:
        self.node, self.title = tree_of(function)
        names = inspect.getclosurevars(function)
        self.known = {**names.globals, **names.nonlocals}
        self.laws, self.results, self.states, self.is_law = laws, results, states, law
        self.names: dict[str, str] = {}
        self.variables: list[str] = []
        self.taken = laws.taken if law else set()

    def refuse(self, node: ast.AST, what: str) -> Any:
        raise ParameterError(
            f"{self.title}, line {getattr(node, 'lineno', 0)}: {what} cannot be written "
            "as Verilog-A; use assignments, `if`, loops over ranges, arithmetic and functions of "
            "`math`"
        )

    def variable(self, name: str) -> str:
        """Return what a variable is called, a new one where it is not known."""
        if name not in self.names:
            prefix = f"{self.node.name.removesuffix('_law')}_" if self.is_law else ""
            self.names[name] = free_name(prefix + name, self.taken)
            self.variables.append(self.names[name])
        return self.names[name]

    # -- statements --------------------------------------------------------------------------

    def body(self) -> list[str]:
        """Return the statements of the whole function."""
        stored = {part.id for part in ast.walk(self.node)
                  if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
        lines = []
        for argument in self.node.args.args:
            if argument.arg in stored and argument.arg in self.names:  # inputs cannot be assigned
                given = self.names.pop(argument.arg)
                lines.append(f"{self.variable(argument.arg)} = {given};")
        return lines + self._block(self.node.body)

    def _block(self, body: Sequence[ast.stmt]) -> list[str]:
        lines: list[str] = []
        for k, node in enumerate(body):
            if isinstance(node, ast.Return) and node.value is not None:
                parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
                if len(parts) != len(self.results):
                    self.refuse(node, f"a result of {len(parts)} values instead of "
                                      f"{len(self.results)}")
                return lines + [
                    f"{result} = {self._bare(part)};"
                    for result, part in zip(self.results, parts, strict=True)
                ]
            if isinstance(node, ast.If) and _returns(node):
                rest = body[k + 1:]
                yes = node.body if _ends(node.body) else [*node.body, *rest]
                no = node.orelse if _ends(node.orelse) else [*node.orelse, *rest]
                return lines + self._if(node.test, yes, no)
            lines += self._statement(node)
        return lines

    def _statement(self, node: ast.stmt) -> list[str]:
        if isinstance(node, ast.If):
            return self._if(node.test, node.body, node.orelse)
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and (
            isinstance(node.targets[0], ast.Name)
        ):
            value = self._bare(node.value)
            return [f"{self.variable(node.targets[0].id)} = {value};"]
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if node.value is None:
                return []
            value = self._bare(node.value)
            return [f"{self.variable(node.target.id)} = {value};"]
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            whole = ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value)
            value = self._bare(ast.copy_location(whole, node))
            return [f"{self.variable(node.target.id)} = {value};"]
        if isinstance(node, (ast.For, ast.While)) and not node.orelse and not any(
            isinstance(part, (ast.Return, ast.Break, ast.Continue)) for part in ast.walk(node)
        ):
            if isinstance(node, ast.While):
                head = f"while ({self._test(node.test)})"
            else:
                head = self._for(node)
            return _compound(head, self._block(node.body))
        if isinstance(node, ast.Pass) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            return []
        self.refuse(node, f"`{type(node).__name__.lower()}`")
        raise AssertionError

    def _for(self, node: ast.For) -> str:
        call = node.iter
        if not (isinstance(call, ast.Call) and ast.unparse(call.func) == "range"
                and isinstance(node.target, ast.Name) and len(call.args) < 3):
            self.refuse(node, "a loop over anything but a range")
            raise AssertionError
        ends = [self._bare(a) for a in call.args]
        first, last = ends if len(ends) == 2 else ("0.0", ends[0])
        # a real variable: quotients of whole numbers would be cut off
        k = self.variable(node.target.id)
        return f"for ({k} = {first}; {k} < {last}; {k} = {k} + 1.0)"

    def _if(self, test: ast.expr, yes: Sequence[ast.stmt], no: Sequence[ast.stmt]) -> list[str]:
        head = f"if ({self._test(test)})"
        lines, other = _compound(head, self._block(yes)), self._block(no)
        if not other:
            return lines
        if other[0].startswith("if ") and _one(other):
            return [*lines[:-1], f"end else {other[0]}", *other[1:]]
        return [*lines[:-1], "end else begin", *(f"    {line}" for line in other), "end"]

    # -- conditions --------------------------------------------------------------------------

    def _test(self, node: ast.expr) -> str:
        if isinstance(node, ast.BoolOp):
            sign = " && " if isinstance(node.op, ast.And) else " || "
            return sign.join(f"({self._test(part)})" for part in node.values)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return f"!({self._test(node.operand)})"
        if isinstance(node, ast.Compare):
            if any(isinstance(part, ast.Constant) and isinstance(part.value, str)
                   for part in (node.left, *node.comparators)):
                return self._choice(node)
            if all(type(op) in SIGNS for op in node.ops):
                sides = [self._expression(part) for part in (node.left, *node.comparators)]
                pairs = [f"{a} {SIGNS[type(op)]} {b}" for op, a, b in
                         zip(node.ops, sides[:-1], sides[1:], strict=True)]
                return pairs[0] if len(pairs) == 1 else " && ".join(f"({p})" for p in pairs)
        self.refuse(node, f"the condition `{ast.unparse(node)}`")
        raise AssertionError

    def _choice(self, node: ast.Compare) -> str:
        left, right = node.left, node.comparators[0]
        if isinstance(left, ast.Attribute) and isinstance(right, ast.Constant) and (
            len(node.ops) == 1 and left.attr in self.laws.choices
            and right.value in self.laws.choices[left.attr]
            and isinstance(node.ops[0], (ast.Eq, ast.NotEq))
        ):
            at = list(self.laws.choices[left.attr]).index(str(right.value))
            return f"{self._attribute(left)} {SIGNS[type(node.ops[0])]} {at}"
        self.refuse(node, f"the condition `{ast.unparse(node)}`")
        raise AssertionError

    # -- expressions, in brackets unless they are atoms ----------------------------------------

    def _bare(self, node: ast.expr) -> str:
        text = self._expression(node)
        return text[1:-1] if isinstance(node, (ast.BinOp, ast.IfExp)) and (
            text.startswith("(")
        ) else text

    def _expression(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            return self._real(node, float(node.value))
        if isinstance(node, ast.Name):
            if node.id in self.names:
                return self.names[node.id]
            known = self.known.get(node.id)
            if isinstance(known, (int, float)):
                return self._real(node, float(known))
            self.refuse(node, f"the name `{node.id}`, which is no number,")
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            inner = self._expression(node.operand)
            return inner if isinstance(node.op, ast.UAdd) else f"(-{inner})"
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, ast.Pow):
                return f"pow({self._bare(node.left)}, {self._bare(node.right)})"
            if type(node.op) in _OPERATORS:
                a, b = self._expression(node.left), self._expression(node.right)
                return f"({a} {_OPERATORS[type(node.op)]} {b})"
        if isinstance(node, ast.IfExp):
            yes, no = self._expression(node.body), self._expression(node.orelse)
            return f"(({self._test(node.test)}) ? {yes} : {no})"
        if isinstance(node, ast.Call) and not node.keywords:
            return self._call(node)
        self.refuse(node, f"`{ast.unparse(node)}`")
        raise AssertionError

    def _real(self, node: ast.expr, value: float) -> str:
        if not math.isfinite(value):
            self.refuse(node, "a number that is not finite")
        return real(value)

    def _attribute(self, node: ast.Attribute) -> str:
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        if self.is_law and owner == "p" and node.attr in self.laws.parameters:
            self.laws.used.add(node.attr)
            return self.laws.parameters[node.attr]
        if self.is_law and owner == "x" and node.attr in self.states:
            return self.states[node.attr]
        if owner == "math" and isinstance(getattr(math, node.attr, None), float):
            return self._real(node, float(getattr(math, node.attr)))
        self.refuse(node, f"`{ast.unparse(node)}`")
        raise AssertionError

    def _call(self, node: ast.Call) -> str:
        text = ast.unparse(node.func)
        owner, _, short = text.rpartition(".")
        known = self.known.get(text)
        given = [self._bare(argument) for argument in node.args]
        if known is None and (text, len(given)) in (("abs", 1), ("min", 2), ("max", 2)):
            return f"{text}({', '.join(given)})"
        if known is None and text == "float" and len(given) == 1:
            return self._expression(node.args[0])
        if owner == "math" or (known is not None and known is getattr(math, short, None)):
            if short == "pow" and len(given) == 2:
                return f"pow({', '.join(given)})"
            if short in _SAME and len(given) == 1:
                return f"{_SAME[short]}({given[0]})"
            if short in _WRITTEN and len(given) == 1:
                return f"{self.laws.written(short)}({given[0]})"
        elif inspect.isfunction(known):
            name, count = self.laws.function(known)
            if count == len(given):
                return f"{name}({', '.join(given)})"
        self.refuse(node, f"`{ast.unparse(node)}`")
        raise AssertionError


def _returns(node: ast.stmt) -> bool:
    return any(isinstance(part, ast.Return) for part in ast.walk(node))


def _ends(body: Sequence[ast.stmt]) -> bool:
    """Return whether a block returns on all of its ways."""
    return any(
        isinstance(node, ast.Return)
        or (isinstance(node, ast.If) and _ends(node.body) and _ends(node.orelse)) for node in body
    )


def _compound(head: str, lines: Sequence[str]) -> list[str]:
    return [f"{head} begin", *(f"    {line}" for line in lines), "end"]


def _one(lines: Sequence[str]) -> bool:
    """Return whether lines that begin with ``if`` are one statement."""
    return [k for k, line in enumerate(lines) if line == "end"] == [len(lines) - 1]
