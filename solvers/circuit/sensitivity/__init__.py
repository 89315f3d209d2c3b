"""Derivatives of transients by the adjoint of the discrete equations."""
