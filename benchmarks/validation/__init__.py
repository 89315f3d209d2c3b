"""What crossbarsim computes, compared with publications, other tools and exact arithmetic.

``make validation`` runs every check, writes ``results/``, the pages of ``docs/validation`` and
their pictures, and fails where a check does. A check is a function with the decorator `check` that
returns a `Finding`; a new one goes into the folder of its page (devices, solvers, networks) and is
imported by that folder's modules list, `PAGES`. Reference data are in ``published/``, each file with
its source; what other tools found was written by the scripts in ``others/``.
"""
