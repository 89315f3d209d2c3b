"""Settings and arguments: what they must be, and settings as dicts, JSON and TOML and back.

`arguments` checks the arguments of a call against their annotations, `records` has `Settings`, the
base of every record of settings, `paths` their fields by dotted names, `toml` writes the text of
tables. They import the ground floor alone. A new record derives from `Settings`; a new verb is
decorated with `checks_arguments`.
"""

from .arguments import check_arguments, checks_arguments
from .paths import field_names, with_fields
from .records import Settings, closest, plain, read_plain

__all__ = [
    "Settings", "check_arguments", "checks_arguments", "closest", "field_names", "plain",
    "read_plain", "with_fields",
]
