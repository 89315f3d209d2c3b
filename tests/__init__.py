"""The tests; a package so that `tests.helpers` is never another project's."""
