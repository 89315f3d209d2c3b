"""Registers the kinds of elements."""

from __future__ import annotations

from . import behavioural, controlled, delays, linear, memristors, switches

__all__ = ["behavioural", "controlled", "delays", "linear", "memristors", "switches"]
