"""Studies from TOML files: read with the line of every mistake, made into studies, a template.

`lines` finds where in a file a key stands, `document` checks a file, `build` makes the study of it,
`template` is what ``study new`` writes. A new table of the file is read in `document` and used in
`build`.
"""

from .build import Prepared, prepare
from .document import StudyFile, StudyFileError, read_study_file
from .template import TEMPLATE

__all__ = ["TEMPLATE", "Prepared", "StudyFile", "StudyFileError", "prepare", "read_study_file"]
