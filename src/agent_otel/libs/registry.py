"""Every library that is instrumented: when its file is loaded, and what it needs.

A library's file is loaded when the library itself is imported, never before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Final

from opentelemetry.instrumentation.dependencies import get_dependency_conflicts

from agent_otel import safe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from agent_otel.capture.call import Capture
    from agent_otel.capture.patch import Patches
    from agent_otel.capture.target import Declared


@dataclass(frozen=True, slots=True)
class Library:
    """A library: its name (as in ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS``), the module whose import loads its file.

    ``distribution`` is the installed package, None for what comes with Python.
    """

    name: str
    trigger: str
    distribution: str | None

    def load(self) -> ModuleType:
        """The library's file, a module with ``REQUIRES`` and ``TARGETS``."""
        return import_module(f"agent_otel.libs.{self.name}")

    def requires(self) -> Sequence[str]:
        """The version ranges that are supported, as requirement strings; empty for what comes with Python."""
        return tuple(self.load().REQUIRES)

    def version(self) -> str | None:
        """The installed version, None where it is not installed (or comes with Python)."""
        if self.distribution is None:
            return None
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return None

    def conflict(self) -> str | None:
        """Why it would not be instrumented: what is required and what was found; None when all is well."""
        found = get_dependency_conflicts(self.requires())
        return str(found) if found is not None else None


LIBRARIES: Final = (
    Library("openai", "openai", "openai"),
    Library("langgraph", "langgraph.pregel", "langgraph"),
    Library("process", "subprocess", None),
)


def install(capture: Capture, patches: Patches, disabled: frozenset[str]) -> None:
    """Instrument every library that is not disabled, each when it is imported."""
    for library in LIBRARIES:
        if library.name not in disabled:
            patches.when_imported(library.trigger, partial(_install, capture, patches, library))


def _install(capture: Capture, patches: Patches, library: Library, _module: ModuleType) -> None:
    conflict = library.conflict()
    if conflict is not None:
        safe.warn(f"{library.name} is not recorded: {conflict}")
        return
    declared: Sequence[Declared] = library.load().TARGETS
    patches.install(capture, declared, library.name)
