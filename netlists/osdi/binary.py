"""Whether a file is a shared library for this machine, and whole.

The system's loader maps what a file's header says and dies of a file that was cut off, by a signal
that no program can catch. What is checked here is all that the loader will map; for ELF, which has
sizes and places of all symbols, also the symbols.
"""

from __future__ import annotations

import platform
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from ...core.errors import NetlistError

__all__ = ["check_binary"]

_ELF_MACHINES = {62: "x86_64", 183: "aarch64", 243: "riscv64", 21: "ppc64le", 22: "s390x",
                 3: "i386", 40: "arm"}
_MACHO_MACHINES = {0x01000007: "x86_64", 0x0100000C: "arm64"}
_PE_MACHINES = {0x8664: "x86_64", 0xAA64: "aarch64", 0x14C: "i386"}
_SAME = {"amd64": "x86_64", "arm64": "aarch64", "i686": "i386", "i586": "i386"}
_AGAIN = "compile its Verilog-A source for this machine, with `load_verilog_a` or an OSDI compiler"
NEEDED = ("OSDI_VERSION_MAJOR", "OSDI_VERSION_MINOR", "OSDI_NUM_DESCRIPTORS", "OSDI_DESCRIPTORS")


def check_binary(path: Path) -> None:
    """Refuse what is no whole shared library of this system and processor.

    Raises
    ------
    NetlistError
        It is of another kind or platform, cut off, or, for ELF, no OSDI library.
    """
    data = path.read_bytes()
    try:
        if data[:4] == b"\x7fELF":
            system = "Linux"
            machine = _elf(path, data)
        elif data[:2] == b"MZ":
            system = "Windows"
            machine = _pe(path, data)
        elif data[:4] in (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"):
            system = "Darwin"
            machine = _macho(path, data)
        else:
            kind = "it is empty" if not data else (
                "it is a text, perhaps a source: compile it with `load_verilog_a`"
                if _is_text(data) else "it is no shared library")
            raise NetlistError(f"not an OSDI library: {kind}", file=str(path))
    except (struct.error, IndexError, UnicodeDecodeError):
        _cut(path)
    here = platform.system()
    if here != system and not (system == "Linux" and here not in ("Windows", "Darwin")):
        raise NetlistError(f"a library for {system}, this is {here}: {_AGAIN}", file=str(path))
    mine = platform.machine().lower()
    if machine and _SAME.get(machine, machine) != _SAME.get(mine, mine):
        raise NetlistError(f"a library for {machine}, this is {mine}: {_AGAIN}", file=str(path))


def _is_text(data: bytes) -> bool:
    return b"\0" not in data[:4096] and b"module" in data


def _cut(path: Path) -> NoReturn:
    raise NetlistError(
        f"the library is damaged or cut off: copy it once more, or {_AGAIN}", file=str(path)
    ) from None


def _elf(path: Path, data: bytes) -> str:
    if data[4] != 2 or data[5] != (1 if sys.byteorder == "little" else 2):
        return "another word length or byte order"
    end = "<" if data[5] == 1 else ">"
    kind, machine = struct.unpack_from(f"{end}HH", data, 16)
    if kind != 3:
        raise NetlistError(
            "an ELF file, but no shared library (an object file or a program)", file=str(path))
    programs, sections = struct.unpack_from(f"{end}QQ", data, 32)
    program_size, programs_n, section_size, sections_n = struct.unpack_from(f"{end}HHHH", data, 54)
    if (programs + program_size * programs_n > len(data) or not programs_n or program_size != 56
            or sections + section_size * sections_n > len(data)):
        _cut(path)
    loads = []
    for k in range(programs_n):
        at = programs + k * program_size
        what, _, offset, address, _, size, memory = struct.unpack_from(f"{end}IIQQQQQ", data, at)
        if what == 1:
            if offset + size > len(data) or size > memory:
                _cut(path)
            loads.append((address, offset, size))
    if not loads:
        _cut(path)
    if sections_n and section_size == 64:
        _elf_symbols(path, set(_elf_names(path, data, end, sections, sections_n)))
    return _ELF_MACHINES.get(machine, f"machine {machine}")


def _elf_names(
    path: Path, data: bytes, end: str, sections: int, count: int
) -> Iterator[str]:
    headers = [struct.unpack_from(f"{end}IIQQQQIIQQ", data, sections + 64 * k)
               for k in range(count)]
    for _, kind, _, _, offset, size, link, _, _, width in headers:
        if kind != 8 and offset + size > len(data):  # all but those without content
            _cut(path)
        if kind != 11 or link >= count or width != 24:
            continue
        names = data[headers[link][4]:headers[link][4] + headers[link][5]]
        for at in range(offset, offset + size - 23, 24):
            name, _, _, section = struct.unpack_from(f"{end}IBBH", data, at)
            if section:
                yield names[name:names.find(b"\0", name)].decode("ascii", "replace")


def _elf_symbols(path: Path, names: set[str]) -> None:
    missing = [name for name in NEEDED if name not in names]
    if len(missing) == len(NEEDED):
        raise NetlistError(
            "a shared library, but none of OSDI: it has none of the symbols that OSDI asks for",
            file=str(path))
    if missing:
        raise NetlistError(
            f"an OSDI library without {', '.join(missing)}: {_AGAIN}", file=str(path))


def _macho(path: Path, data: bytes) -> str:
    if data[:4] == b"\xca\xfe\xba\xbe":  # of several machines: the loader takes the one that fits
        return ""
    machine, _, kind, commands, size = struct.unpack_from("<IIIII", data, 4)
    if kind not in (6, 8):
        raise NetlistError("a Mach-O file, but no shared library", file=str(path))
    if 32 + size > len(data):
        _cut(path)
    at = 32
    for _ in range(commands):
        command, length = struct.unpack_from("<II", data, at)
        if command == 0x19:
            offset, count = struct.unpack_from("<QQ", data, at + 40)
            if offset + count > len(data):
                _cut(path)
        if length < 8:
            _cut(path)
        at += length
    return _MACHO_MACHINES.get(machine, f"machine {machine:#x}")


def _pe(path: Path, data: bytes) -> str:
    start = struct.unpack_from("<I", data, 0x3C)[0]
    if data[start:start + 4] != b"PE\0\0":
        _cut(path)
    machine, sections = struct.unpack_from("<HH", data, start + 4)
    optional, flags = struct.unpack_from("<HH", data, start + 20)
    if not flags & 0x2000:
        raise NetlistError("a program, no shared library", file=str(path))
    for k in range(sections):
        size, offset = struct.unpack_from("<II", data, start + 24 + optional + 40 * k + 16)
        if offset + size > len(data):
            _cut(path)
    return _PE_MACHINES.get(machine, f"machine {machine:#x}")
