"""What the resource of a program says by default: its service name, its commit, and who instrumented it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.environment_variables import (
    OTEL_EXPERIMENTAL_RESOURCE_DETECTORS,
    OTEL_RESOURCE_ATTRIBUTES,
    OTEL_SERVICE_NAME,
)

from agent_otel import semconv, settings
from agent_otel.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DISTRIBUTION: Final = "agent-otel"
_WITH_VALUE: Final = frozenset({"-W", "-X", "--check-hash-based-pycs"})


def attributes(environ: Mapping[str, str], argv: Sequence[str] | None = None) -> dict[str, str]:
    """The attributes to add to what ``OTEL_SERVICE_NAME`` and ``OTEL_RESOURCE_ATTRIBUTES`` say, which win.

    The specification's fallback for a missing name is ``unknown_service:python``, under which all programs look alike;
    a distribution may know better. A configured resource detector may know the name too, so then none is added.
    ``service.instance.id`` is the SDK's own.
    """
    chosen = {semconv.TELEMETRY_DISTRO_NAME: DISTRIBUTION, semconv.TELEMETRY_DISTRO_VERSION: __version__}
    named = set(_named(environ.get(OTEL_RESOURCE_ATTRIBUTES, "")))
    detected = environ.get(OTEL_EXPERIMENTAL_RESOURCE_DETECTORS)
    if not environ.get(OTEL_SERVICE_NAME) and semconv.SERVICE_NAME not in named and not detected:
        name = service_name(sys.orig_argv if argv is None else argv)
        if name:
            chosen[semconv.SERVICE_NAME] = name
    if semconv.VCS_REF_HEAD_REVISION not in named:
        revision = settings.head_revision(Path.cwd())
        if revision:
            chosen[semconv.VCS_REF_HEAD_REVISION] = revision
    return chosen


def service_name(argv: Sequence[str]) -> str | None:
    """The script's or module's name, from the interpreter's whole command line; None for ``-c`` and a prompt."""
    words = iter(argv[1:])
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif word == "-m":
            return next(words, None)
        elif word.startswith("-"):
            # Short flags may be joined, and the last of them takes the rest: `-Im app`, `-uc pass`.
            if not word.startswith("--") and word[-1] == "m":
                return next(words, None)
            if word == "-" or (not word.startswith("--") and "c" in word):
                return None
        else:
            return _stem(word)
    return None


def _stem(script: str) -> str | None:
    path = Path(script)
    if path.name == "__main__.py" and path.parent.name:
        return path.parent.name
    return (path.stem if path.suffix in {".py", ".pyw", ".pyz"} else path.name) or None


def _named(pairs: str) -> list[str]:
    return [pair.partition("=")[0].strip() for pair in pairs.split(",") if "=" in pair]
