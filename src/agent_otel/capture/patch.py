"""Install wrappers when a library is imported, and undo them."""

from __future__ import annotations

import atexit
import inspect
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import wrapt

from agent_otel import safe
from agent_otel.capture.function import Function
from agent_otel.capture.target import Observer
from agent_otel.capture.wrap import call_wrapper, kind_of, observe_wrapper

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from agent_otel.capture.call import Capture
    from agent_otel.capture.target import Declared


class Patches:
    """The wrappers that are in place; ``undo`` takes away ours and leaves what others put on top."""

    def __init__(self) -> None:
        self._live = True
        self._undo: list[Callable[[], None]] = []
        # Wrappers of `__del__` must be gone before the interpreter takes our modules apart.
        atexit.register(self.undo)

    def when_imported(self, module: str, hook: Callable[[ModuleType], None]) -> None:
        """Run ``hook`` once the module is imported (at once if it is); never if ``undo`` came first."""

        def guarded(imported: ModuleType) -> None:
            if self._live:
                safe.call(hook, imported)

        if module in sys.modules:
            guarded(sys.modules[module])
        else:
            wrapt.register_post_import_hook(guarded, module)

    def install(self, capture: Capture, declared: Sequence[Declared], framework: str) -> None:
        """Wrap every declared function when its module is imported; a missing one is told and left out."""
        for one in declared:
            self.when_imported(one.module, partial(self._wrap, capture, one, framework))

    def undo(self) -> None:
        """Put the originals back."""
        self._live = False
        atexit.unregister(self.undo)
        while self._undo:
            safe.call(self._undo.pop())

    def _wrap(self, capture: Capture, declared: Declared, framework: str, module: ModuleType) -> None:
        try:
            parent, attribute, original = wrapt.resolve_path(module, declared.attribute)
        except AttributeError:
            safe.warn(f"{declared.module}.{declared.attribute} is not there: this version of it is not recorded")
            return
        if isinstance(declared, Observer):
            wrapper = observe_wrapper(capture, declared)
        else:
            # The decorators of a library hand on what its function returns.
            wrapper = call_wrapper(capture, declared, framework, kind_of(inspect.unwrap(original)))
        replacement = Function(original, wrapper)
        own = attribute in vars(parent)
        wrapt.apply_patch(parent, attribute, replacement)
        self._undo.append(lambda: _restore(parent, attribute, original, replacement, own=own))


def _restore(parent: Any, attribute: str, original: Any, replacement: Any, *, own: bool) -> None:
    above: Any = None
    here: Any = getattr(parent, "__dict__", {}).get(attribute)
    while here is not None and here is not replacement:
        above, here = here, getattr(here, "__wrapped__", None)
    if here is None:
        return
    if above is not None:
        above.__wrapped__ = original
    elif own:
        setattr(parent, attribute, original)
    else:
        delattr(parent, attribute)
