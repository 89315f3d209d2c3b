"""What makes a circuit singular, found on its graph before anything is solved."""

from __future__ import annotations

import networkx as nx

from ...netlists.circuit import GROUND, Circuit
from ...netlists.errors import NetlistError, SingularCircuitError

__all__ = ["check_circuit"]

_SHOWN = 8


def check_circuit(circuit: Circuit) -> None:
    """Raise for missing controlling sources, floating nodes, source loops and cut-sets.

    Raises
    ------
    NetlistError
        F or H refer to a voltage source that is not there.
    SingularCircuitError
        Nodes without a conducting path to ground, or a loop of voltage sources.
    """
    names = {e.name.lower() for e in circuit if e.kind == "V"}
    for e in circuit:
        if e.control and e.control.lower() not in names:
            raise NetlistError(
                f"{e.name} is controlled by the current of {e.control!r}, which is no voltage "
                "source of the circuit"
            )
    _check_loops(circuit)
    _check_paths(circuit)


def _check_loops(circuit: Circuit) -> None:
    forest: nx.Graph[str] = nx.Graph()
    for e in circuit:
        if e.kind not in "VEH":
            continue
        a, b = e.nodes[:2]
        if a == b or (a in forest and b in forest and nx.has_path(forest, a, b)):
            loop = [a] if a == b else nx.shortest_path(forest, a, b)
            raise SingularCircuitError(
                f"loop of voltage sources closed by {e.name} over the nodes {', '.join(loop)}; "
                "put a resistance into the loop", tuple(loop)
            )
        forest.add_edge(a, b)


def _check_paths(circuit: Circuit) -> None:
    """Nodes must reach ground through R, V, E or H; C is open, I, F and G only force currents."""
    paths: nx.Graph[str] = nx.Graph()
    paths.add_node(GROUND)
    paths.add_nodes_from(circuit.nodes)
    paths.add_edges_from(e.nodes[:2] for e in circuit if e.kind in "RVEH")
    reached = nx.node_connected_component(paths, GROUND)
    floating = [node for node in circuit.nodes if node not in reached]
    if not floating:
        return
    # A controlled current source may fix a node's voltage by itself (a gyrator); the
    # factorisation decides, unless nothing but sources and capacitors touches the island.
    island = set(floating)
    fixed = any(
        e.kind == "G" and island & set(e.nodes[:2]) and island & set(e.nodes[2:]) for e in circuit
    )
    if fixed:
        return
    feeding = [e.name for e in circuit if e.kind in "IFG" and island & set(e.nodes[:2])]
    shown = ", ".join(floating[:_SHOWN]) + (" ..." if len(floating) > _SHOWN else "")
    if feeding:
        raise SingularCircuitError(
            f"cut-set of current sources {', '.join(feeding[:_SHOWN])}: the nodes {shown} have no "
            "other path to ground; give them a resistance", tuple(floating)
        )
    raise SingularCircuitError(
        f"floating nodes {shown}: no path of resistors or voltage sources to ground (a capacitor "
        "is open); tie them to ground", tuple(floating)
    )
