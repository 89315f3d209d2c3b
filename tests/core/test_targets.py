"""The lanes and atomics of compiled kernels lower for processors and systems other than this one."""

import ctypes
import re

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest
from llvmlite import ir
from numba.core import codegen

from crossbarsim.core.compiled import atomic, simd

llvm.initialize_all_targets()
llvm.initialize_all_asmprinters()

TARGETS = [
    ("aarch64-apple-darwin", "apple-m1"), ("aarch64-unknown-linux-gnu", "generic"),
    ("aarch64-unknown-linux-gnu", "neoverse-v1"), ("aarch64-pc-windows-msvc", "generic"),
    ("x86_64-pc-windows-msvc", "x86-64"), ("x86_64-apple-darwin", "x86-64"),
    ("x86_64-unknown-linux-gnu", "x86-64"), ("ppc64le-unknown-linux-gnu", "pwr8"),
]


def lanes(a, b, c):
    x, y = simd.load(a, 0), simd.load(b, 0)
    z = simd.fma(x, y, simd.splat(2.0))
    z = simd.div(simd.mul(simd.add(z, x), simd.sub(z, y)), simd.larger(simd.magnitude(x), y))
    simd.store(c, 0, z)
    simd.transpose(a, 0, 8, b, 0, 8)
    return simd.total(z) + simd.most(z) + (1.0 if simd.exceeds(x, y) else 0.0)


def produce(counters, data):
    data[0] = 3.0
    atomic.advance(counters, 0)
    return data[1]


def consume(counters, data):
    while atomic.current(counters, 0) < 1:
        atomic.give_way()
    return data[0]


@pytest.fixture(scope="module")
def modules():
    """Return what numba makes of the functions for LLVM, before anything is known of a target."""
    found, add = [], codegen.CPUCodeLibrary.add_ir_module

    def recorded(self, module):
        found.append(str(module))
        return add(self, module)

    codegen.CPUCodeLibrary.add_ir_module = recorded
    try:
        doubles, counts = numba.float64[::1], numba.int64[::1]
        options = {"nogil": True, "error_model": "numpy", "_nrt": False}
        numba.njit((doubles, doubles, doubles), **options)(lanes)
        numba.njit((counts, doubles), **options)(produce)
        numba.njit((counts, doubles), **options)(consume)
    finally:
        codegen.CPUCodeLibrary.add_ir_module = add
    kept = [text for text in found if re.search(r"\b(lanes|produce|consume)\b", text)]
    assert len(kept) >= 3
    return kept


def lowered(text, triple, cpu):
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, opt=3, reloc="pic")
    text = re.sub("^target triple.*$", f'target triple = "{triple}"', text, flags=re.MULTILINE)
    text = re.sub("^target datalayout.*$", f'target datalayout = "{machine.target_data}"', text, flags=re.MULTILINE)
    module = llvm.parse_assembly(text)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    return machine.emit_assembly(module)


def test_nothing_of_one_processor_is_asked_for(modules):
    for text in modules:
        code = re.sub("^target.*$", "", text, flags=re.MULTILINE)
        assert not re.search(r"llvm\.(x86|aarch64|arm|ppc)\.|asm sideeffect", code)


@pytest.mark.parametrize(("triple", "cpu"), TARGETS)
def test_all_targets(modules, triple, cpu):
    try:
        llvm.Target.from_triple(triple)
    except RuntimeError:
        pytest.skip(f"this LLVM does not know {triple}")
    assembly = "\n".join(lowered(text, triple, cpu) for text in modules)
    assert "sched_yield" in assembly
    # waiting and counting are instructions, not calls of a runtime that is not there
    assert not re.search(r"__(atomic|sync|aarch64)_", assembly)
    assert not re.search(r"\b(bl|callq?)\s+_?(fma|fmax|fabs)\b", assembly)
    if triple.startswith("aarch64"):
        assert re.search(r"\bldar\b", assembly)  # acquire
        assert re.search(r"\bldaddal\b|\bstlxr\b", assembly)  # release
        assert re.search(r"\bfmla", assembly)
    if triple.startswith("x86"):
        assert re.search(r"\block\b", assembly)


def test_orders_are_sequentially_consistent(modules):
    text = "\n".join(modules)
    adds = re.findall(r"atomicrmw add .*", text)
    loads = re.findall(r"load atomic .*", text)
    assert adds
    assert loads
    assert all("seq_cst" in line for line in adds + loads)


def test_two_threads_hand_over_plain_memory():
    from concurrent.futures import ThreadPoolExecutor

    options = {"nogil": True, "error_model": "numpy", "_nrt": False}
    doubles, counts = numba.float64[::1], numba.int64[::1]
    make = numba.njit((counts, doubles), **options)(produce)
    take = numba.njit((counts, doubles), **options)(consume)
    with ThreadPoolExecutor(1) as pool:
        for _ in range(200):
            counters, data = np.zeros(1, np.int64), np.zeros(2)
            second = pool.submit(take, counters, data)
            make(counters, data)
            assert second.result(timeout=60) == 3.0


def test_windows_gives_the_processor_away_by_its_own_call(monkeypatch):
    calls = []
    switch = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: calls.append(1) or 1)

    class Library:
        SwitchToThread = switch

        def __init__(self, name):
            assert name == "kernel32"

    monkeypatch.setattr(ctypes, "WinDLL", Library, raising=False)
    monkeypatch.setattr(atomic.sys, "platform", "win32")
    added = {}
    monkeypatch.setattr(atomic.binding, "add_symbol", lambda name, address: added.update({name: address}))
    atomic._provide_yield()
    assert added == {"sched_yield": ctypes.cast(switch, ctypes.c_void_p).value}
    # and what has been added is what compiled code calls
    monkeypatch.undo()
    llvm.add_symbol("crossbarsim_test_yield", added["sched_yield"])
    module = ir.Module()
    kind = ir.FunctionType(ir.IntType(32), [])
    outer = ir.IRBuilder(ir.Function(module, kind, "outer").append_basic_block())
    outer.ret(outer.call(ir.Function(module, kind, "crossbarsim_test_yield"), []))
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    engine = llvm.create_mcjit_compiler(
        llvm.parse_assembly(str(module)), llvm.Target.from_default_triple().create_target_machine()
    )
    engine.finalize_object()
    assert ctypes.CFUNCTYPE(ctypes.c_int)(engine.get_function_address("outer"))() == 1
    assert calls == [1]
