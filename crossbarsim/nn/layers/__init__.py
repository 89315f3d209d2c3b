"""Layers whose products are currents of crossbars."""

from .base import CrossbarLayer
from .conv import CrossbarConv2d
from .linear import CrossbarLinear

__all__ = ["CrossbarConv2d", "CrossbarLayer", "CrossbarLinear"]
