"""Metrics of a governor for OpenTelemetry."""

from __future__ import annotations

from bingx_async.endpoint import Endpoint
from bingx_async.limits import BucketKey
from bingx_async.observer import Observer
from bingx_async.observers import metrics

try:
    from opentelemetry.metrics import Meter, get_meter
except ImportError as exc:
    raise ImportError(
        'OpenTelemetryObserver needs: pip install "bingx-async[opentelemetry]"', name=exc.name
    ) from exc

__all__ = ["OpenTelemetryObserver"]


class OpenTelemetryObserver(Observer):
    """
    Counts waits, permits and refusals for OpenTelemetry.

    ``bingx.permit.waits``, ``bingx.permits`` and ``bingx.refusals`` have the attributes
    ``endpoint``, ``uid`` and ``ip``, and the last also ``closed``; the histogram
    ``bingx.permit.wait`` has the attribute ``endpoint`` alone, and the gauge
    ``bingx.closed_until_timestamp`` the attribute ``closed`` alone.

    One observer may watch several governors, of several threads too.

    Args:
        meter: Makes the instruments; ``None`` takes the meter ``bingx_async`` of the global
            provider, which may be set later.
    """

    def __init__(self, meter: Meter | None = None) -> None:
        meter = get_meter("bingx_async") if meter is None else meter
        self._waits = meter.create_counter("bingx.permit.waits", "{wait}", metrics.WAITS)
        self._permits = meter.create_counter("bingx.permits", "{permit}", metrics.PERMITS)
        self._seconds = meter.create_histogram(
            "bingx.permit.wait",
            "s",
            metrics.WAIT_SECONDS,
            explicit_bucket_boundaries_advisory=metrics.BOUNDS,
        )
        self._refusals = meter.create_counter("bingx.refusals", "{refusal}", metrics.REFUSALS)
        self._closed_until = meter.create_gauge(
            "bingx.closed_until_timestamp", "s", metrics.CLOSED_UNTIL
        )
        self._closings = metrics.Closings()
        self._labels: dict[tuple[Endpoint, str | None, str], dict[str, str]] = {}
        self._endpoints: dict[Endpoint, dict[str, str]] = {}

    def on_wait(self, endpoint: Endpoint, uid: str | None, ip: str) -> None:
        """Count a wait; see :meth:`~bingx_async.Observer.on_wait`."""
        self._waits.add(1, self._of(endpoint, uid, ip))

    def on_grant(self, endpoint: Endpoint, uid: str | None, ip: str, waited: float) -> None:
        """Count a permit; see :meth:`~bingx_async.Observer.on_grant`."""
        self._permits.add(1, self._of(endpoint, uid, ip))
        self._seconds.record(waited, self._endpoints[endpoint])

    def on_refusal(
        self, endpoint: Endpoint, uid: str | None, ip: str, closed: BucketKey, seconds: float
    ) -> None:
        """Count a refusal; see :meth:`~bingx_async.Observer.on_refusal`."""
        attributes = {"closed": str(closed)}
        self._refusals.add(1, metrics.labels(endpoint, uid, ip) | attributes)
        self._closed_until.set(self._closings.until(closed, seconds), attributes)

    def _of(self, endpoint: Endpoint, uid: str | None, ip: str) -> dict[str, str]:
        """Look up the attributes; waits begin at 0 with the permits, so that ratios are right."""
        labels = self._labels.get((endpoint, uid, ip))
        if labels is None:
            labels = self._labels[endpoint, uid, ip] = metrics.labels(endpoint, uid, ip)
            self._endpoints[endpoint] = {"endpoint": endpoint.name}
            self._waits.add(0, labels)
            self._permits.add(0, labels)
        return labels
