"""Registers the kinds of elements."""

from __future__ import annotations

from . import behavioural, delays, linear, memristors, switches

__all__ = ["behavioural", "delays", "linear", "memristors", "switches"]
