"""Parts of a study, each in a folder of its own, and how they are joined: no scheduler needed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.errors import ParameterError
from ...core.files import new_file
from ...core.validation import shown
from .records import Record

__all__ = ["RECORD", "checked_shard", "merge_shards", "shard_folder"]

RECORD = "points.jsonl"
_NAME = re.compile(r"shard-(\d+)-of-(\d+)")


def checked_shard(shard: Any) -> tuple[int, int] | None:
    """Return part k of n, counted from 1, of a pair or of ``"k/n"``.

    Examples
    --------
    >>> from crossbarsim.studies.engine.shards import checked_shard
    >>> checked_shard("3/64")
    (3, 64)
    """
    if shard is None:
        return None
    parts = shard.split("/") if isinstance(shard, str) else shard
    k, n = 0, 0
    if isinstance(parts, (list, tuple)) and len(parts) == 2:
        whole = [str(p) if isinstance(p, (int, str)) else "" for p in parts]
        k, n = (int(p) if p.isdecimal() else 0 for p in whole)
    if not 1 <= k <= n:
        raise ParameterError(f"`shard` must be k/n with 1 <= k <= n, such as 3/64; got "
                             f"{shown(shard)}")
    return k, n


def shard_folder(folder: Path, shard: tuple[int, int]) -> Path:
    """Return where a shard is recorded."""
    width = len(str(shard[1]))
    return folder / f"shard-{shard[0]:0{width}d}-of-{shard[1]}"


def merge_shards(folder: Path, context: Mapping[str, Any]) -> int:
    """Take the points of all shards into the record of a folder; return how many came anew.

    Raises
    ------
    ParameterError
        There are no shards; one is of another study, or is still being written; two have other
        values for one point.
    """
    shards = sorted(p for p in folder.glob("shard-*") if _NAME.fullmatch(p.name) and (
        p / RECORD).is_file())
    if not shards:
        raise ParameterError(f"{folder}: there are no shards here: `study run ... --shard k/n` "
                             "makes them")
    count = 0
    with Record(folder / RECORD, context) as whole:
        for shard in shards:
            with Record(shard / RECORD, context) as part:
                fresh = []
                for entry in part.entries():
                    known = whole.get(entry["key"])
                    if known is not None:
                        if "error" not in entry and known != entry["values"]:
                            raise ParameterError(
                                f"{shard / RECORD}: the point {shown(entry['key'], 200)} has other "
                                "values than in another part: were they measured on unlike "
                                "machines? delete one of them"
                            )
                        continue
                    fresh.append(entry)
                _copy_arrays(shard / "arrays", folder / "arrays")
                whole.add_many(fresh)
                count += len(fresh)
    return count


def _copy_arrays(source: Path, target: Path) -> None:
    if not source.is_dir():
        return
    target.mkdir(exist_ok=True)
    for file in source.glob("*.npy"):
        with file.open("rb") as stream, new_file(target / file.name) as copy:
            shutil.copyfileobj(stream, copy)
