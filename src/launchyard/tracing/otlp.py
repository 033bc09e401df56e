"""Spans to a collector by OTLP over HTTP, with OpenTelemetry's own SDK. Needs the extra `launchyard[otel]`.

Its variables hold beside the configuration, such as OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER and
OTEL_EXPORTER_OTLP_HEADERS.
"""

import asyncio
import threading
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Status, StatusCode, set_span_in_context

from launchyard import __version__
from launchyard.tracing.spans import Span

TIMEOUT_S = 2.0
GOODBYE_S = 3.0
"""How long the last spans may take at the end of the server."""


class Otlp:
    """What does not answer loses spans, and delays nobody: a thread of the SDK's own sends them."""

    def __init__(self, endpoint: str) -> None:
        exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", timeout=TIMEOUT_S)
        named = {"service.name": "launchyard", "service.version": __version__}
        self._provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
        self._tracer = self._provider.get_tracer("launchyard", __version__)

    def send(self, whole: Span, parts: Sequence[Span]) -> None:
        root = self._tracer.start_span(
            whole.name, attributes=dict(whole.attributes), start_time=_ns(whole.begin)
        )
        context = set_span_in_context(root)
        for one in parts:
            span = self._tracer.start_span(
                one.name, context=context, attributes=dict(one.attributes), start_time=_ns(one.begin)
            )
            span.end(end_time=_ns(one.end))
        if whole.error is not None:
            root.set_status(Status(StatusCode.ERROR, whole.error))
        root.end(end_time=_ns(whole.end))

    async def close(self) -> None:
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, GOODBYE_S)


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
