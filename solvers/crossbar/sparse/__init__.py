"""General sparse modified nodal analysis."""
