"""Expressions parsed by their shape are what each text means by itself."""

import pytest
from crossbarsim.netlists.spice.read import scope as scopes
from crossbarsim.netlists.spice.read.elements import controlled
from hypothesis import given, settings
from hypothesis import strategies as st

from crossbarsim import read_spice
from crossbarsim.core.errors import CrossbarSimError

leaves = st.sampled_from([
    "v(a)", "v(b)", "V(a, b)", "v(b,a)", "v( gnd )", "v(0)", "v(1)", "v('a')", "i(v1)", "i(V2)", "k", "time",
    "temper", "1", "2", "2k", "1e-3", "1.5meg", "3u", "0", "0.0", "1e3x", "pi", "e", "v(a,0)",
    "i(r1)", "@r1[i]", "vdb(1)", "p(r1)", "q", "v (a)", "v(x.y)", "v(a-b)", "agauss(1,2,3)",
])


def grown(inner):
    return st.one_of(
        st.builds("({}{}{})".format, inner, st.sampled_from([
            "+", "-", "*", "/", "**", "^", "<", ">=", "==", " && ", "||", "%",
        ]), inner),
        st.builds("-{}".format, inner), st.builds("!{}".format, inner),
        st.builds("{}({})".format, st.sampled_from(["sin", "exp", "ln", "abs", "f", "u", "nofun"]), inner),
        st.builds("g({},{})".format, inner, inner), st.builds("pow({},{})".format, inner, inner),
        st.builds("({}?{}:{})".format, inner, inner, inner),
        st.builds("pwl({},0,0,1,{},2,3)".format, inner, leaves), st.builds("ddt({})".format, inner),
    )


expressions = st.recursive(leaves, grown, max_leaves=8)
line = st.one_of(
    st.builds("B{{}} a b i={}".format, expressions), st.builds("B{{}} a b V = {}".format, expressions),
    st.builds("B{{}} a b i={{{{{}}}}}".format, expressions),
    st.builds("B{{}} a b i={} m=2".format, expressions),
    st.builds("B{{}} a b i={} tc1=1m".format, expressions),
    st.builds("G{{}} a b value={{{{{}}}}}".format, expressions),
    st.builds("R{{}} a b {{{{{}}}}}".format, expressions),
    st.builds("X{{}} a b cell w={{{{{}}}}}".format, expressions),
)
HEAD = """title
.param k=2 q={k*3}
.func f(x)={x*x+k}
.func g(x,y)={f(x)-y*2}
V1 a 0 1
V2 b 0 2
R1 a 1 1k
R2 x.y 0 1k
R3 a 1 1k
.subckt cell p n w=1 k=7
B1 p n i={k*v(p,n)+w*v(m)}
B2 p n i=2*w*v(p,n)
R1 p m {w*1k+1}
R2 m n 1k
.func u(x)={x+w}
.ends
"""


def outcome(text, compat, monkeypatch, *, by_shape):
    with monkeypatch.context() as m:
        if not by_shape:
            m.setattr(scopes.Scope, "_alike", lambda *_, **__: None)
            m.setattr(controlled, "plain_behavioural", lambda *_: None)
        try:
            circuit = read_spice(text, compat=compat)
        except CrossbarSimError as error:
            return type(error), str(error)
    return [
        (repr(e), getattr(e.value, "steps", None), [getattr(v, "steps", v) for _, v in e.parameters])
        for e in circuit
    ], circuit.nodes, circuit.notes


@settings(max_examples=500, deadline=None)
@given(st.lists(line, min_size=1, max_size=4), st.sampled_from(["", "ngspice", "ltspice"]))
def test_expressions_at_random(lines, compat):
    text = HEAD + "\n".join(
        one.format(100 + k) for k, one in enumerate([*lines, *lines])
    ) + "\n"
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert outcome(text, compat, monkeypatch, by_shape=True) == outcome(
            text, compat, monkeypatch, by_shape=False
        )


def test_sources_of_one_shape_are_parsed_once(monkeypatch):
    parsed = []
    was = scopes.parse_steps
    monkeypatch.setattr(scopes, "parse_steps", lambda text, *a, **k: (
        parsed.append(text), was(text, *a, **k)
    )[1])
    lines = [f"B{k} n{k} m{k} i={k}.5e-3*sinh(v(n{k},m{k}))+1m*v(g)" for k in range(50)]
    circuit = read_spice("\n".join(["t", *lines, "Vg g 0 1", ""]))
    assert len(parsed) == 1
    value = dict(circuit["b7"].parameters)["i"]
    assert value.evaluate({}, {("v", "n7", "m7"): 0.0, ("v", "g", "0"): 2.0}) == 2e-3
    assert value.text == dict(read_spice(f"t\n{lines[7]}\nVg g 0 1\n")["b7"].parameters)["i"].text


@pytest.mark.parametrize("text", [
    "t\n.func v(x)={x*3}\nB1 a 0 i=v(2)\nB2 a 0 i=v(3)\n",
    "t\n.param p=1\n.if (p)\n.func h(x)={x*3}\n.else\n.func h(x)={x*5}\n.endif\nB1 a 0 i=h(v(a))\n",
    ("t\n.subckt c a p=1\n.if (p>1)\n.func h(x)={x*3}\n.else\n.func h(x)={x*5}\n.endif\nB1 a 0 i=h(v(a))\n"
    ".ends\nX1 a c p=1\nX2 a c p=2\nX3 a c p=3\n"),
    "t\n.subckt c a pi=1\nB1 a 0 i=pi*v(a)\n.ends\nX1 a c pi=4\nX2 a c\nB1 a 0 i=pi*v(a)\n",
    "t\nB1 a 0 i=v(gnd)+v(0)+v(a)\nB2 a 0 i=v(b)+v(c)+v(d)\nR1 b c 1\nR2 d 0 1\n",
    "t\n.subckt c a b\nB1 a 0 i=v(a)-v(b)\n.ends\nX1 n n c\nX2 n m c\nR1 m 0 1\n",
    "t\n.subckt c a\nB1 a 0 i=i(v1)*2\nV1 a b 0\nR1 b 0 1\n.ends\nX1 n c m=3\nX2 n c\n",
])
def test_what_names_mean_where_they_stand(text, monkeypatch):
    assert outcome(text, "", monkeypatch, by_shape=True) == outcome(text, "", monkeypatch, by_shape=False)
