"""The least squares themselves: residuals of a model, their exact Jacobian, and the search.

`simulation` is one sweep with sensitivities, `space` the free parameters' axes, `residuals` the
scale on which currents are compared, `problem` puts them together, `search` finds the minimum.
"""
