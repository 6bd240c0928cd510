"""The checks of where data goes: the store's folder, and the OTLP endpoints."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from typing import TYPE_CHECKING, Final, NamedTuple, cast
from urllib.parse import urlsplit

from agent_otel.cli.checks import Check
from agent_otel.distro import ENV_CONFIG_FILE, ENV_ENDPOINT, SIGNALS, exporter_defaults
from agent_otel.settings import ENV_STORE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from agent_otel.settings import Settings

CONNECT_SECONDS: Final = 2.0
_SECTION: Final = "store"
_SCARCE_BYTES: Final = 100 * 1024 * 1024
_DEFAULT_PORTS: Final = {"grpc": 4317, "http/protobuf": 4318}


def store(settings: Settings) -> Iterator[Check]:
    """Where the store is, whether it can be written, and what is wrong in it."""
    if not settings.store:
        yield Check(_SECTION, "store", "note", f"switched off by {ENV_STORE}")
        return
    folder = settings.directory
    refused = refusal(folder)
    if refused is not None:
        yield Check(_SECTION, "folder", "problem", f"{folder} cannot be written: {refused}")
        return
    yield Check(_SECTION, "folder", "ok", f"{folder} ({'writable' if folder.exists() else 'made at the first run'})")
    if not folder.exists():
        return
    yield _performance_file(folder / "agent-performance.json")
    segments = list((folder / "otlp").glob("*.jsonl"))
    size = sum(segment.stat().st_size for segment in segments)
    yield Check(_SECTION, "segments", "ok", f"{len(segments)} files, {size / 1e6:.1f} MB")
    free = shutil.disk_usage(folder).free
    if free < _SCARCE_BYTES:
        yield Check(_SECTION, "disk", "warning", f"{free / 1e6:.0f} MB left")


def refusal(folder: Path) -> str | None:
    """Why a file cannot be made in the folder, or in the nearest one above that exists; None if it can."""
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        return f"{existing} is not a folder"
    for place in (existing, existing / "otlp", existing / "open"):
        if place.exists():
            try:
                with tempfile.TemporaryFile(dir=place) as file:
                    file.write(b"agent-otel doctor")
            except OSError as error:
                return f"{place}: {error.strerror or error}"
    return None


def _performance_file(file: Path) -> Check:
    try:
        records: object = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Check(_SECTION, file.name, "note", "made at the first run")
    except OSError as error:
        return Check(_SECTION, file.name, "problem", f"{file}: {error.strerror or error}")
    except ValueError:
        records = None
    if not isinstance(records, list):
        return Check(
            _SECTION, file.name, "warning", f"{file} is no array of records; it is set aside at the next write"
        )
    return Check(_SECTION, file.name, "ok", f"{len(cast('list[object]', records))} records")


class Endpoint(NamedTuple):
    """Where a signal is sent: the address as the user wrote it, and what it names."""

    url: str
    host: str | None
    port: int


def endpoints(environ: Mapping[str, str]) -> Iterator[Check]:
    """Every OTLP endpoint that would be used, and whether something listens there."""
    section = "otlp"
    if environ.get(ENV_CONFIG_FILE):
        yield Check(section, "endpoint", "note", f"named in {ENV_CONFIG_FILE}")
        return
    used: dict[Endpoint, list[str]] = {}
    wrong = 0
    for signal in SIGNALS:
        try:
            found = endpoint(environ, signal)
        except ValueError as error:
            wrong += 1
            yield Check(section, signal.lower(), "problem", str(error))
            continue
        if found is not None:
            used.setdefault(found, []).append(signal.lower())
    if not used and not wrong:
        yield Check(section, "endpoint", "note", f"none; set {ENV_ENDPOINT} to send to a collector")
    for found, signals in used.items():
        unreachable = _unreachable(found)
        detail = f"{found.url} for {', '.join(signals)}"
        if unreachable is None:
            yield Check(section, "endpoint", "ok", f"{detail} (reachable)")
        else:
            yield Check(section, "endpoint", "problem", f"{detail} is not reachable: {unreachable}")


def endpoint(environ: Mapping[str, str], signal: str) -> Endpoint | None:
    """Where the SDK would send a signal (``TRACES`` ...); None if nowhere. ``ValueError`` for what is no address."""
    exporters = {**exporter_defaults(environ), **environ}[f"OTEL_{signal}_EXPORTER"]
    if not any(name.strip().startswith("otlp") for name in exporters.split(",")):
        return None
    protocol = environ.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    default = _DEFAULT_PORTS.get((protocol or "grpc").strip(), 4317)
    named = environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") or environ.get(ENV_ENDPOINT)
    url = named or f"http://localhost:{default}"
    if url.startswith("unix:"):
        return Endpoint(url, None, 0)
    parts = urlsplit(url if "://" in url else f"//{url}")
    if not parts.hostname:
        raise ValueError(f"{url} is no address")
    web = {"http": 80, "https": 443}.get(parts.scheme, default)
    return Endpoint(url, parts.hostname, parts.port or (web if default != _DEFAULT_PORTS["grpc"] else default))


def _unreachable(found: Endpoint) -> str | None:
    try:
        if found.host is None:
            path = found.url.removeprefix("unix:").removeprefix("//")
            return None if os.path.exists(path) else "no such socket"  # noqa: PTH110 - it is no file
        socket.create_connection((found.host, found.port), CONNECT_SECONDS).close()
    except OSError as error:
        return error.strerror or str(error)
    return None
