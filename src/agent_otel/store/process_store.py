"""One store per folder and process: its writer, its ends of the SDK, and how it lives through forks and exits."""

from __future__ import annotations

import atexit
import importlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Final

from agent_otel import safe, semconv
from agent_otel.settings import Settings
from agent_otel.store.processor import StoreCounts, StoreMetricReader, StoreSpanProcessor
from agent_otel.store.writer import StoreWriter

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.metrics import Meter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

    from agent_otel.signals.finished import Finished

EXIT_MILLIS: Final = 3_000
_FORK_SECONDS: Final = 1.0
_RECORDED: Final = frozenset({semconv.INVOKE_AGENT, semconv.NODE})

_stores: dict[Path, Store] = {}
_lock = threading.Lock()
_fork_hooked = False


class Store:
    """The store of one folder in this process; made by ``open_store``.

    ``processor`` and ``reader`` are what the SDK's providers get, by ``install``. ``reader`` is another object after a
    fork.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.writer = StoreWriter(settings)
        self.processor = StoreSpanProcessor(self.writer)
        self.reader = StoreMetricReader(self.writer)
        self.writer.collect = self._collect
        self._meter_provider: MeterProvider | None = None
        self._forked_provider: MeterProvider | None = None
        self._of_multiprocessing = False
        self._paused = False

    def install(
        self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        """Put the store into providers that exist. A provider that has it already is left as it is."""
        if tracer_provider is not None and not self.processor.installed:
            tracer_provider.add_span_processor(self.processor)
            self.processor.installed = True
        if meter_provider is not None:
            self._meter_provider = meter_provider
            if not self.reader.registered:
                meter_provider.add_metric_reader(self.reader)
        # Handlers run last in, first out: flushed before providers wait for endpoints that may be dead.
        atexit.unregister(self._flush_at_exit)
        atexit.register(self._flush_at_exit)

    def observe(self, meter: Meter) -> None:
        """Report the store's own work as counters of ``meter``."""
        self.writer.counts = StoreCounts(meter)

    def finished(self, record: Finished) -> None:
        """A listener of finished calls: queues what belongs into ``agent-performance.json``."""
        if record.operation in _RECORDED:
            self.writer.add_finished(record)

    def force_flush(self, timeout_millis: float = 30_000) -> bool:
        """Write everything that has ended, and the metrics; False if that was not possible in time."""
        return bool(safe.call(self.writer.force_flush, timeout_millis))

    def shutdown(self, timeout_millis: float = 30_000) -> bool:
        """Write everything, make it durable and close. Spans that end later are dropped and counted."""
        with _lock:
            if _stores.get(self.settings.directory) is self:
                del _stores[self.settings.directory]
        atexit.unregister(self._flush_at_exit)
        atexit.unregister(self._close_at_exit)
        return bool(safe.call(self.writer.shutdown, timeout_millis))

    def open(self) -> None:
        """Start the thread and see to it that exits and forks are noticed."""
        atexit.register(self._close_at_exit)
        self.join_multiprocessing()
        safe.call(self.writer.start)

    def join_multiprocessing(self) -> None:
        """Have children of ``multiprocessing`` flush: they end without running ``atexit`` handlers.

        Nothing is imported for programs that do not use it.
        """
        if self._of_multiprocessing:
            return
        if "multiprocessing.util" in sys.modules or "--multiprocessing-fork" in sys.orig_argv:
            self._of_multiprocessing = True
            util = importlib.import_module("multiprocessing.util")
            # A child forgets inherited finalizers when it starts, then calls what is registered here.
            util.register_after_fork(self, Store._finalize_in_child)

    def pause(self) -> None:
        """Before a fork: let the writer finish its step, so that the child inherits no lock and no half-done work."""
        safe.call(self.join_multiprocessing)
        self._paused = self.writer.enter(_FORK_SECONDS)

    def resume(self) -> None:
        """After a fork, in the parent."""
        if self._paused:
            self._paused = False
            self.writer.leave()

    def restart(self) -> None:
        """After a fork, in the child: what was queued, opened and counted is the parent's."""
        self._paused = False
        self.writer.abandon()
        provider = self._meter_provider
        if provider is not None:
            self._restart_metrics(provider)

    def _restart_metrics(self, provider: MeterProvider) -> None:
        # A reader's series live in the SDK as long as the reader does: only another reader starts at zero.
        previous, self.reader = self.reader, StoreMetricReader(self.writer)
        previous.retire()

        def replace() -> None:
            provider.add_metric_reader(self.reader)
            provider.remove_metric_reader(previous)

        # The SDK's lock stays locked in the child for ever if another thread of the parent collected metrics during
        # the fork. On a thread of its own that costs the metrics, not the program.
        thread = threading.Thread(target=safe.call, args=(replace,), name="agent-otel-fork", daemon=True)
        thread.start()
        thread.join(_FORK_SECONDS)
        if thread.is_alive():
            safe.warn("the program was forked while its metrics were collected; this process stores no metrics")

    def _finalize_in_child(self) -> None:
        util = importlib.import_module("multiprocessing.util")
        util.Finalize(None, self._close_at_exit, exitpriority=0)

    def _collect(self) -> None:
        self.reader.collect_if_registered()

    def _flush_at_exit(self) -> None:
        safe.call(self.writer.force_flush, EXIT_MILLIS)

    def _close_at_exit(self) -> None:
        safe.call(self._close, EXIT_MILLIS)

    def _close(self, timeout_millis: float) -> None:
        self.writer.shutdown(timeout_millis, inline=True)


def open_store(settings: Settings | None = None) -> Store:
    """The store of ``settings.directory`` in this process; the settings of the first call count."""
    global _fork_hooked  # noqa: PLW0603 - hooks of os cannot be taken back, so they are set once
    settings = settings or Settings.read()
    with _lock:
        store = _stores.get(settings.directory)
        if store is None:
            store = _stores[settings.directory] = Store(settings)
            store.open()
        if not _fork_hooked and hasattr(os, "register_at_fork"):
            _fork_hooked = True
            os.register_at_fork(
                before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
            )
    return store


def opened_stores() -> tuple[Store, ...]:
    """The stores that are open in this process, oldest first."""
    return tuple(_stores.values())


def _before_fork() -> None:
    for store in list(_stores.values()):
        safe.call(store.pause)


def _after_fork_in_parent() -> None:
    for store in list(_stores.values()):
        safe.call(store.resume)


def _after_fork_in_child() -> None:
    global _lock  # noqa: PLW0603 - another thread of the parent may hold it for ever
    _lock = threading.Lock()
    for store in list(_stores.values()):
        safe.call(store.restart)
