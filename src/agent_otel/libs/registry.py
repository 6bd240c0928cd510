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

    ``distribution`` is the installed package, None for what comes with Python. ``hook`` is the file that declares its
    targets where that is not its own.
    """

    name: str
    trigger: str
    distribution: str | None = None
    hook: str | None = None

    @property
    def file(self) -> str:
        """The name of the file with ``REQUIRES`` and ``TARGETS``."""
        return self.hook or self.name

    def load(self) -> ModuleType:
        """That file; libraries of one hook share it."""
        return import_module(f"agent_otel.libs.{self.file}")

    def disabled(self, names: frozenset[str]) -> bool:
        """Whether it is switched off by its own name or by that of its hook."""
        return self.name in names or self.file in names

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
    Library("git", "subprocess", hook="process"),
    Library("agent_cli", "subprocess", hook="process"),
    Library("threads", "threading"),
)


def install(capture: Capture, patches: Patches, disabled: frozenset[str]) -> None:
    """Instrument every library that is not disabled, each when it is imported."""
    enabled = [library for library in LIBRARIES if not library.disabled(disabled)]
    for library in {library.file: library for library in enabled}.values():
        names = frozenset(one.name for one in enabled if one.file == library.file)
        patches.when_imported(library.trigger, partial(_install, capture, patches, library, names))


def _install(capture: Capture, patches: Patches, library: Library, names: frozenset[str], _module: ModuleType) -> None:
    conflict = library.conflict()
    if conflict is not None:
        safe.warn(f"{library.name} is not recorded: {conflict}")
        return
    file = library.load()
    if library.hook is not None:
        file.enable(names)
    declared: Sequence[Declared] = file.TARGETS
    patches.install(capture, declared, library.file)
