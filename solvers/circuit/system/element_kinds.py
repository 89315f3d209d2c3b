"""Registers the kinds of elements."""

from __future__ import annotations

from ..elements import behavioural, controlled, linear, memristors, switches
from ..elements import transmission_lines as delays

__all__ = ["behavioural", "controlled", "delays", "linear", "memristors", "switches"]
