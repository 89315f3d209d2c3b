"""Derivatives of transients by the adjoint of the discrete equations.

`transient_adjoint` is what the simulator calls: it records a run (`recorder`, `trajectory`), solves
backwards (`backward`) and adds up what every parameter does (`parameters`, `partials`). A new kind
of parameter goes into `parameters`; derivatives at operating points are in
`analyses.sensitivities`.
"""
