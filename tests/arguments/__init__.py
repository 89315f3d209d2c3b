"""Tables over all public arguments: what is refused, what acts, what comes back."""
