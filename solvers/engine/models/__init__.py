"""Semiconductor models as element groups; importing this registers them all."""
