"""Items (spans, metrics) gathered by resource and scope into OTLP JSON lines of bounded length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from agent_otel.store.otlp_values import attributes_json, quoted, trimmed

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

LINE_BYTES: Final = 900_000
"""No line is longer: the collector's file receiver cuts lines at 1 MiB unless told otherwise."""
ITEM_BYTES: Final = 700_000
"""No single item is longer, so that it fits into a line with its resource and scope."""
_HEAD_BYTES: Final = 50_000
_HEAD_CHARACTERS: Final = 512
_HEAD_COUNT: Final = 32
_CACHE_LIMIT: Final = 256


class Line(NamedTuple):
    """One line with its newline, and how many items (spans, metric points) it holds."""

    data: bytes
    items: int


class Head(NamedTuple):
    """What a resource or scope contributes before and after the items in it."""

    before: str
    after: str
    size: int


def byte_length(text: str) -> int:
    """The length in UTF-8; constant time for ASCII."""
    return len(text) if text.isascii() else len(text.encode())


class LineBuilder:
    """Builds the lines of one signal: ``resourceSpans``/``scopeSpans``/``spans`` or the same for metrics.

    Fragments of resources and scopes are cached by identity, because hashing a ``Resource`` serialises it.
    """

    def __init__(self, signal: str, items: str) -> None:
        self._signal = signal
        self._items = items
        self._heads: dict[int, tuple[object, Head]] = {}
        self._groups: dict[int, dict[int, list[str]]] = {}
        self._base = len(f'{{"resource{signal}":[]}}\n')
        self._size = self._base
        self._count = 0
        self._group: list[str] = []
        self._resource_now: Resource | None = None
        self._scope_now: InstrumentationScope | None = None
        self._lines: list[Line] = []

    def add(self, resource: Resource, scope: InstrumentationScope | None, item: str, size: int, items: int = 1) -> None:
        """Put one encoded item of ``size`` bytes under its resource and scope; it counts for ``items``."""
        size += 1
        known = resource is self._resource_now and scope is self._scope_now
        if not known or self._size + size > LINE_BYTES:
            self._enter(resource, scope, size)
        self._group.append(item)
        self._size += size
        self._count += items

    def _enter(self, resource: Resource, scope: InstrumentationScope | None, size: int) -> None:
        """Make the group of this resource and scope the current one, in a new line if this one is full."""
        heads = self._new_heads(resource, scope)
        if self._size + heads + size > LINE_BYTES and self._count:
            self._close_line()
            heads = self._new_heads(resource, scope)
        self._size += heads
        self._group = self._groups.setdefault(id(resource), {}).setdefault(id(scope), [])
        self._resource_now, self._scope_now = resource, scope

    def take(self) -> list[Line]:
        """The lines built since the last call."""
        if self._count:
            self._close_line()
        lines, self._lines = self._lines, []
        if len(self._heads) > _CACHE_LIMIT:
            self._heads.clear()
        return lines

    def _new_heads(self, resource: Resource, scope: InstrumentationScope | None) -> int:
        scopes = self._groups.get(id(resource))
        size = self._resource(resource).size if scopes is None else 0
        if scopes is None or id(scope) not in scopes:
            size += self._scope(scope).size
        return size

    def _resource(self, resource: Resource) -> Head:
        found = self._heads.get(id(resource))
        if found is None:
            attributes = attributes_json(resource.attributes)
            if byte_length(attributes) > _HEAD_BYTES:
                attributes = attributes_json(trimmed(resource.attributes, _HEAD_CHARACTERS, _HEAD_COUNT))
            before = f'{{"resource":{{"attributes":[{attributes}]}},"scope{self._signal}":['
            head = self._head(before, resource.schema_url)
            found = self._heads[id(resource)] = (resource, head)
        return found[1]

    def _scope(self, scope: InstrumentationScope | None) -> Head:
        found = self._heads.get(id(scope))
        if found is None:
            before = f'{{"scope":{{{_scope_json(scope)}}},"{self._items}":['
            head = self._head(before, scope.schema_url if scope else None)
            found = self._heads[id(scope)] = (scope, head)
        return found[1]

    @staticmethod
    def _head(before: str, schema_url: str | None) -> Head:
        after = f'],"schemaUrl":{quoted(schema_url[:_HEAD_CHARACTERS])}}}' if schema_url else "]}"
        return Head(before, after, byte_length(before) + byte_length(after) + 1)

    def _close_line(self) -> None:
        resources: list[str] = []
        for resource, scopes in self._groups.items():
            inner: list[str] = []
            for scope, items in scopes.items():
                head = self._heads[scope][1]
                inner.append(f"{head.before}{','.join(items)}{head.after}")
            head = self._heads[resource][1]
            resources.append(f"{head.before}{','.join(inner)}{head.after}")
        text = f'{{"resource{self._signal}":[{",".join(resources)}]}}\n'
        self._lines.append(Line(text.encode(), self._count))
        self._groups = {}
        self._size = self._base
        self._count = 0
        self._resource_now = None


def _scope_json(scope: InstrumentationScope | None) -> str:
    if scope is None:
        return ""
    members = [f'"name":{quoted(scope.name[:_HEAD_CHARACTERS])}']
    if scope.version:
        members.append(f'"version":{quoted(scope.version[:_HEAD_CHARACTERS])}')
    if scope.attributes:
        attributes = attributes_json(scope.attributes)
        if byte_length(attributes) > _HEAD_BYTES:
            attributes = attributes_json(trimmed(scope.attributes, _HEAD_CHARACTERS, _HEAD_COUNT))
        members.append(f'"attributes":[{attributes}]')
    return ",".join(members)
