"""Suites of `crossbarsim.testing` and of `tests.helpers`, applied to many implementations."""

import pytest


def subclasses(suite, variants, module, *, slow=()):
    """Return classes ``TestName`` of a suite, by name; each variant gives the class's own members.

    Those named in `slow` are marked so, or single checks of them, ``Name.test_...``.
    """
    found = {}
    for name, members in variants.items():
        late = {f"test_{k.partition('.test_')[2]}" for k in slow if k.startswith(f"{name}.")}
        marked = {check: pytest.mark.slow(_again(getattr(suite, check))) for check in late}
        made = type(f"Test{name}", (suite,), {"__module__": module, **members, **marked})
        found[made.__name__] = pytest.mark.slow(made) if name in slow else made
    return found


def _again(check):
    """Return a function of its own, so that a mark is not one of the suite's."""
    def run(self):
        check(self)

    run.__name__, run.__doc__ = check.__name__, check.__doc__
    return run
