"""Crossbars of curved cells to first order in the cells' bend, as differentiable functions."""

from .network import BornNetwork, born_network

__all__ = ["BornNetwork", "born_network"]
