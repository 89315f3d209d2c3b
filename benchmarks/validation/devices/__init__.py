"""Compact models against their publications, and their authors' or others' code."""
