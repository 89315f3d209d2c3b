"""How numba is made to compile a kernel once.

By itself, numba compiles every function that a kernel calls on its own, with wrappers for Python
and machine code that nobody calls, once for every combination of constants among the arguments,
and optimises it again inside every caller. Most of the first solve's time went there. Here,

- a kernel that Python calls (`Kernel`) gets a wrapper, machine code and a place in the cache;
- what other kernels call (its `_Part`) is only translated, for the types of its arguments, whatever
  their values; its code is optimised where it is used, together with its caller's.
"""

# ruff: noqa: SLF001 - numba's compiler is changed from inside

from __future__ import annotations

from typing import Any

from numba.core import compiler, typed_passes, types, untyped_passes
from numba.core.codegen import JITCodeLibrary
from numba.core.dispatcher import _FunctionCompiler  # type: ignore[attr-defined]
from numba.core.registry import CPUDispatcher

from ..garbage import uncollected
from .frontend import remembering
from .kernel_cache import KernelCache

__all__ = ["Kernel"]

# what scalar loops do not need: closures, and expressions of whole arrays fused into loops
_SKIPPED = (
    untyped_passes.InlineClosureLikes, untyped_passes.MakeFunctionToJitFunction,
    typed_passes.NopythonRewrites,
)


class _Flags(compiler.Flags):
    """Flags compared by what is set: numba compares them at every operator that it types."""

    __slots__ = ()

    def __hash__(self) -> int:
        return hash(tuple(sorted(self._values)))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _Flags):
            return bool(self._values == other._values)
        return bool(super().__eq__(other))


class _PartLibrary(JITCodeLibrary):
    """The code of a part: linked into its callers', no machine code of its own."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        self._raise_if_finalized()
        for library in dict.fromkeys(self._linking_libraries):
            if hasattr(self, "_reload_init"):  # from numba 0.61 on
                self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True


class _LeanLibrary(JITCodeLibrary):
    """The code of a kernel that counts no references: nothing to bring together and prune first."""

    def _optimize_final_module(self) -> None:
        passes, builder = self._codegen._module_pass_manager()
        with self._recorded_timings.record("Module passes (full optimization)", builder):
            passes.run(self._final_module, builder)


class _Pipeline(compiler.Compiler):
    def compile_extra(self, func: Any) -> Any:
        if self.state.library is None and not self.state.flags.nrt:
            self.state.library = _LeanLibrary(self.state.targetctx.codegen(), func.__qualname__)
            self.state.library.enable_object_caching()
        return super().compile_extra(func)

    def define_pipelines(self) -> Any:
        pipelines = super().define_pipelines()
        for pipeline in pipelines:
            pipeline.passes = [step for step in pipeline.passes if step[0] not in _SKIPPED]
        return pipelines


class _PartPipeline(_Pipeline):
    def compile_extra(self, func: Any) -> Any:
        self.state.library = _PartLibrary(self.state.targetctx.codegen(), func.__qualname__)
        return super().compile_extra(func)


class _Compiler(_FunctionCompiler):  # type: ignore[misc]
    def _customize_flags(self, flags: Any) -> Any:
        return _Flags(flags)

    def compile(self, args: Any, return_type: Any) -> Any:
        with uncollected(), remembering(self.targetdescr.typing_context,
                                        self.targetdescr.target_context):
            return super().compile(args, return_type)


class _PartCompiler(_Compiler):
    def _customize_flags(self, flags: Any) -> Any:
        flags = super()._customize_flags(flags)
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        return flags


class _Part(CPUDispatcher):
    """A kernel as other kernels call it."""

    def __init__(self, py_func: Any, targetoptions: Any) -> None:
        super().__init__(py_func, targetoptions=targetoptions)
        self._compiler = _PartCompiler(
            py_func, self.targetdescr, targetoptions, self.locals, _PartPipeline
        )

    def add_overload(self, cres: Any) -> None:
        """Make the code known to callers; there is no machine code to call."""
        entry = object()  # what numba looks the code up by
        self.targetctx.insert_user_function(entry, cres.fndesc, [cres.library])
        self.overloads[tuple(cres.signature.args)] = cres._replace(entry_point=entry)


class Kernel(CPUDispatcher):
    """A kernel as Python calls it."""

    def __init__(
        self, py_func: Any, locals: Any = None, targetoptions: Any = None,  # noqa: A002 - numba's
        pipeline_class: Any = _Pipeline,
    ) -> None:
        own = {**targetoptions, "no_cfunc_wrapper": True}
        super().__init__(py_func, locals or {}, own, pipeline_class)
        self._compiler = _Compiler(py_func, self.targetdescr, own, self.locals, pipeline_class)
        self._cache = KernelCache(py_func, own)
        self._part = _Part(py_func, targetoptions)

    def _compilation_chain_init_hook(self) -> None:
        """Leave numba's extensions until something is compiled."""

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Return numba's template of a call from another kernel."""
        plain = tuple(types.unliteral(kind) for kind in args)
        return self._part.get_call_template(
            plain, {name: types.unliteral(kind) for name, kind in kws.items()}
        )

    def get_overload(self, sig: Any) -> Any:
        """Return what numba looks the code up by that other kernels call."""
        return self._part.get_overload(sig)

    def add_overload(self, cres: Any) -> None:
        """Make machine code known to calls from Python."""
        super().add_overload(cres)
        for environment in cres._find_referenced_environments():  # those of its parts
            cres.codegen.set_env(environment.env_name, environment)
