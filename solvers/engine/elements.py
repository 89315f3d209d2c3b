"""Registers the kinds of elements."""

from __future__ import annotations

from . import linear

__all__ = ["linear"]
