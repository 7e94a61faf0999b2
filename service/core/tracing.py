"""OpenTelemetry, where it is installed (the extra `otel`) and OTEL_EXPORTER_OTLP_ENDPOINT is set.

All its other settings are its own environment variables.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

log = structlog.get_logger()


def tracer_provider() -> TracerProvider | None:
    """Sends spans to the collector; None where there is no collector, or OpenTelemetry is not installed."""
    if "OTEL_EXPORTER_OTLP_ENDPOINT" not in os.environ:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        log.warning("no traces: pip install 'winnow[otel]', or unset OTEL_EXPORTER_OTLP_ENDPOINT", error=repr(error))
        return None
    provider = TracerProvider(resource=Resource.create({"service.name": "winnow"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
