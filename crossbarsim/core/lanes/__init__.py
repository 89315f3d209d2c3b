"""Sixteen doubles at a time inside kernels: arithmetic, choices and functions of whole vectors."""
