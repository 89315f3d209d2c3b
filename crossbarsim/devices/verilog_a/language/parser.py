"""Modules of Verilog-A: ports, nets, parameters, variables, functions, the analog block."""

from __future__ import annotations

from .expressions import StatementReader
from .tokens import Token, refusal
from .tree import ACCESS, Discipline, Function, Limit, Module, Parameter, Tree

__all__ = ["parse"]

_DIRECTIONS = ("inout", "input", "output")
_ELSEWHERE_WORDS = ("connectrules", "paramset", "primitive", "config", "connectmodule")
_ELSEWHERE = "it is no part of the subset read here; compile the file (load_verilog_a)"


def parse(tokens: list[Token]) -> list[Module]:
    """Return the modules of a file.

    Raises
    ------
    VerilogAError
        What cannot be read, by its line.
    """
    return _ModuleReader(tokens).modules()


class _ModuleReader(StatementReader):
    def __init__(self, tokens: list[Token]) -> None:
        super().__init__(tokens)
        self.natures: dict[str, tuple[str, str]] = {}  # access function and unit
        self.disciplines = dict(ACCESS)

    def modules(self) -> list[Module]:
        found: list[Module] = []
        while self.now.kind != "end":
            attributes: dict[str, str] = {}
            while self.now.text == "(*":
                attributes |= self.attributes()
            if self.found("nature"):
                self.nature()
            elif self.found("discipline"):
                self.discipline()
            elif self.found("module") or self.found("macromodule"):
                module = self.module()
                module.attributes = attributes
                found.append(module)
            elif self.now.text in _ELSEWHERE_WORDS:
                raise refusal(self.now.place, f"`{self.now.text}`: {_ELSEWHERE}")
            else:
                raise self.wrong("expected `module`, `nature` or `discipline`")
        return found

    # -- natures and disciplines -------------------------------------------------------------------

    def nature(self) -> None:
        name = self.name("a nature").text
        if self.found(":"):
            self.name("a nature")
        self.found(";")
        access, unit = "", ""
        while not self.found("endnature"):
            key = self.name("an attribute of the nature").text
            self.expect("=")
            token = self.now
            self.expression()
            self.expect(";")
            access = token.text if key == "access" else access
            unit = token.text.strip('"') if key == "units" else unit
        self.natures[name] = (access, unit)

    def discipline(self) -> None:
        name = self.name("a discipline").text
        self.found(";")
        made = {"potential": "", "flow": "", "unit": ""}
        while not self.found("enddiscipline"):
            key = self.name("`potential`, `flow` or `domain`").text
            value = self.name("a nature").text
            self.expect(";")
            if key in ("potential", "flow"):
                known = {"Voltage": ("V", "V"), "Current": ("I", "A"), "Temperature": ("Temp", "K"),
                         "Power": ("Pwr", "W"), "Position": ("Pos", "m"), "Force": ("F", "N"),
                         **self.natures}
                if value not in known:
                    raise self.wrong(f"the nature `{value}` is not declared")
                made[key] = known[value][0]
                if key == "potential":
                    made["unit"] = known[value][1]
        self.disciplines[name] = Discipline(name, **made)

    # -- modules -----------------------------------------------------------------------------------

    def module(self) -> Module:
        place = self.now.place
        module = Module(self.name("the module's name").text, place, disciplines=self.disciplines)
        if self.now.text == "#":
            raise self.wrong("expected the ports: parameters are declared inside of the module")
        if self.found("("):
            self.ports(module)
        self.expect(";", " after the ports")
        while not self.found("endmodule"):
            if self.now.kind == "end":
                raise refusal(place, f"module `{module.name}` has no `endmodule`")
            self.item(module)
        for port in module.ports:
            module.nets.setdefault(port, "electrical")
        return module

    def ports(self, module: Module) -> None:
        discipline = ""
        while not self.found(")"):
            while self.now.text == "(*":
                self.attributes()
            if self.now.text in _DIRECTIONS:
                self.take()
                discipline = self.take().text if self.now.text in self.disciplines else ""
            elif self.now.text in self.disciplines and self.ahead().kind == "name":
                discipline = self.take().text
            port = self.name("a port")
            if port.text in module.ports:
                raise refusal(port.place, f"two ports are named `{port.text}`")
            module.ports.append(port.text)
            if discipline:
                module.nets[port.text] = discipline
            if not self.found(",") and self.now.text != ")":
                raise self.wrong("expected `,` or `)`")

    def item(self, module: Module) -> None:
        attributes: dict[str, str] = {}
        while self.now.text == "(*":
            attributes |= self.attributes()
        word = self.now.text
        if self.found(";"):
            return
        if self.now.kind != "name":
            raise self.wrong("expected a declaration or `analog`")
        if word in ("parameter", "localparam"):
            self.take()
            self.parameter(module, attributes, local=word == "localparam")
        elif word == "aliasparam":
            self.take()
            alias = self.name("another name of a parameter").text
            self.expect("=")
            module.aliases[alias] = self.name("a parameter").text
            self.expect(";")
        elif word in ("real", "integer", "string", "genvar"):
            self.take()
            for variable in self.variables("integer" if word == "genvar" else word):
                self.new(module, variable.name, variable.place)
                variable.attributes = attributes
                module.variables[variable.name] = variable
        elif word == "analog":
            self.take()
            self.analog(module)
        elif word in _DIRECTIONS:
            self.take()
            discipline = self.take().text if self.now.text in self.disciplines else ""
            for token in self.names():
                if token.text not in module.ports:
                    raise refusal(token.place, f"`{token.text}` is no port of `{module.name}`")
                if discipline:
                    module.nets[token.text] = discipline
        elif word == "ground":
            self.take()
            if self.now.text in self.disciplines:
                self.take()
            for token in self.names():
                module.nets.setdefault(token.text, "electrical")
                module.grounds.add(token.text)
        elif word == "branch":
            self.take()
            self.branch(module)
        elif word in self.disciplines:
            self.take()
            for token in self.names():
                module.nets[token.text] = word
        else:
            raise refusal(self.now.place, f"`{word}`: {_ELSEWHERE}")

    def new(self, module: Module, name: str, place: object) -> None:
        if name in module.variables or name in module.parameters:
            raise refusal(self.now.place, f"`{name}` is declared twice")
        del place

    def names(self) -> list[Token]:
        """Read names up to a semicolon; those of vectors are refused."""
        found: list[Token] = []
        while True:
            if self.now.text == "[":
                raise self.wrong(f"vectors of nets: {_ELSEWHERE}")
            found.append(self.name("a node"))
            if self.found("="):
                self.expression()
            if self.found(";"):
                return found
            self.expect(",", " or `;`")

    def branch(self, module: Module) -> None:
        self.expect("(", " after `branch`")
        first = self.name("a node").text
        second = self.name("a node").text if self.found(",") else None
        self.expect(")")
        for token in self.names():
            module.branches[token.text] = (first, second)

    # -- parameters --------------------------------------------------------------------------------

    def parameter(self, module: Module, attributes: dict[str, str], *, local: bool) -> None:
        kind = ""
        if self.now.text in ("real", "integer", "string", "realtime", "time"):
            kind = self.take().text
            kind = kind if kind in ("integer", "string") else "real"
        if self.now.text == "signed":
            self.take()
        while True:
            if self.now.text == "[":
                raise self.wrong(f"vectors of parameters: {_ELSEWHERE}")
            name = self.name("a parameter")
            self.new(module, name.text, name.place)
            self.expect("=", f" after `{name.text}`: a parameter has a default")
            default = self.expression()
            limits: list[Limit] = []
            while self.now.text in ("from", "exclude"):
                limits.append(self.limit())
            if self.now.text == "(*":  # as ADMS has them
                attributes = {**attributes, **self.attributes()}
            own = kind or ("string" if default.kind == "text" else _kind_of(default))
            module.parameters[name.text] = Parameter(
                name.text, own, default, name.place, local, limits, attributes
            )
            if self.found(";"):
                return
            self.expect(",", " or `;`")
            if self.now.text in ("parameter", "localparam"):
                raise self.wrong("expected the name of another parameter")

    def limit(self) -> Limit:
        exclude = self.take().text == "exclude"
        if self.found("'{"):
            words: list[str] = []
            while True:
                token = self.take()
                if token.kind != "text":
                    raise refusal(token.place, "the words of a parameter stand in quotes")
                words.append(token.text[1:-1])
                if self.found("}"):
                    return Limit(exclude, None, None, words=tuple(words))
                self.expect(",", " or `}`")
        opens = self.now.text
        if opens not in ("[", "(") or (exclude and opens == "("):
            if not exclude:
                raise self.wrong("expected `[` or `(` of a range")
            value = self.expression()
            if self.now.text != ":":
                return Limit(True, value, value)
        self.take()
        low = self.bound()
        # a colon by the language; published files have commas, which compilers read as colons
        if not self.found(":"):
            self.expect(",", " or `:` between the ends of a range")
        high = self.bound()
        closes = self.take()
        if closes.text not in ("]", ")"):
            raise refusal(closes.place, f"expected `]` or `)` of a range; got `{closes.text}`")
        return Limit(exclude, low, high, opens == "(", closes.text == ")")

    def bound(self) -> Tree:
        sign = self.now.text if self.now.text in ("-", "+") else ""
        if (self.ahead() if sign else self.now).text == "inf":
            place = self.take().place
            if sign:
                self.take()
            return Tree("number", place, (), (float(f"{sign}inf"), False))
        return self.expression()

    # -- the analog block --------------------------------------------------------------------------

    def analog(self, module: Module) -> None:
        if self.now.text == "function":
            self.take()
            self.function(module)
            return
        place = self.now.place
        if self.now.text == "initial":
            self.take()
            start = Tree("name", place, (), "initial_step")
            module.body.append(Tree("event", place, (start, self.statement())))
            return
        module.body.append(self.statement())

    def function(self, module: Module) -> None:
        kind = self.take().text if self.now.text in ("real", "integer", "string") else "real"
        token = self.name("the function's name")
        made = Function(token.text, kind, token.place)
        self.expect(";")
        while not self.found("endfunction"):
            word = self.now.text
            if self.now.kind == "end":
                raise refusal(made.place, f"function `{made.name}` has no `endfunction`")
            if word in _DIRECTIONS:
                self.take()
                if self.now.text in ("real", "integer"):
                    self.take()
                made.arguments += [(word, t.text) for t in self.names()]
            elif word in ("real", "integer", "string"):
                self.take()
                made.variables |= {v.name: v for v in self.variables(word)}
            elif word in ("parameter", "localparam"):
                raise refusal(self.now.place, "a function has no parameters of its own")
            else:
                made.body.append(self.statement())
        if token.text in module.functions:
            raise refusal(token.place, f"function `{token.text}` is declared twice")
        module.functions[token.text] = made


def _kind_of(tree: Tree) -> str:
    """Return the kind of a parameter without one: that of its default."""
    if tree.kind == "number":
        return "integer" if tree.value[1] else "real"
    if tree.kind in ("sign", "operator") and tree.parts:
        kinds = {_kind_of(part) for part in tree.parts}
        return "integer" if kinds == {"integer"} else "real"
    return "real"
