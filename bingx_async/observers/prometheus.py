"""Metrics of a governor for Prometheus."""

from __future__ import annotations

from typing import NamedTuple

from bingx_async.endpoint import Endpoint
from bingx_async.limits import BucketKey
from bingx_async.observer import Observer
from bingx_async.observers import metrics

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
except ImportError as exc:
    raise ImportError(
        'PrometheusObserver needs: pip install "bingx-async[prometheus]"', name=exc.name
    ) from exc

__all__ = ["PrometheusObserver"]

_LABELS = ("endpoint", "uid", "ip")


class _Series(NamedTuple):
    """What is counted of one endpoint for one account and address."""

    waits: Counter
    permits: Counter
    seconds: Histogram


class PrometheusObserver(Observer):
    """
    Counts waits, permits and refusals for Prometheus.

    ``bingx_permit_waits_total``, ``bingx_permits_total`` and ``bingx_refusals_total`` have the
    labels ``endpoint``, ``uid`` and ``ip``, and the last also ``closed``; the histogram
    ``bingx_permit_wait_seconds`` has the label ``endpoint`` alone, and the gauge
    ``bingx_closed_until_timestamp_seconds`` the label ``closed`` alone.

    One observer may watch several governors, of several threads too.

    Args:
        registry: Where the metrics are registered; ``None`` takes the registry that
            ``prometheus_client`` exports unless it is told otherwise.

    Raises:
        ValueError: The registry has these metrics already: hand the same observer to all
            governors.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = REGISTRY if registry is None else registry
        self._waits = Counter(
            "bingx_permit_waits", metrics.WAITS, labelnames=_LABELS, registry=registry
        )
        self._permits = Counter(
            "bingx_permits", metrics.PERMITS, labelnames=_LABELS, registry=registry
        )
        self._seconds = Histogram(
            "bingx_permit_wait_seconds",
            metrics.WAIT_SECONDS,
            labelnames=("endpoint",),
            buckets=metrics.BOUNDS,
            registry=registry,
        )
        self._refusals = Counter(
            "bingx_refusals", metrics.REFUSALS, labelnames=(*_LABELS, "closed"), registry=registry
        )
        self._closed_until = Gauge(
            "bingx_closed_until_timestamp_seconds",
            metrics.CLOSED_UNTIL,
            labelnames=("closed",),
            registry=registry,
            multiprocess_mode="max",
        )
        self._closings = metrics.Closings()
        self._series: dict[tuple[Endpoint, str | None, str], _Series] = {}

    def on_wait(self, endpoint: Endpoint, uid: str | None, ip: str) -> None:
        """Count a wait; see :meth:`~bingx_async.Observer.on_wait`."""
        self._of(endpoint, uid, ip).waits.inc()

    def on_grant(self, endpoint: Endpoint, uid: str | None, ip: str, waited: float) -> None:
        """Count a permit; see :meth:`~bingx_async.Observer.on_grant`."""
        series = self._of(endpoint, uid, ip)
        series.permits.inc()
        series.seconds.observe(waited)

    def on_refusal(
        self, endpoint: Endpoint, uid: str | None, ip: str, closed: BucketKey, seconds: float
    ) -> None:
        """Count a refusal; see :meth:`~bingx_async.Observer.on_refusal`."""
        self._refusals.labels(**metrics.labels(endpoint, uid, ip), closed=str(closed)).inc()
        self._closed_until.labels(closed=str(closed)).set(self._closings.until(closed, seconds))

    def _of(self, endpoint: Endpoint, uid: str | None, ip: str) -> _Series:
        """Look up what is counted; all of it begins at 0 together, so that ratios are right."""
        series = self._series.get((endpoint, uid, ip))
        if series is None:
            labels = metrics.labels(endpoint, uid, ip)
            series = self._series[endpoint, uid, ip] = _Series(
                self._waits.labels(**labels),
                self._permits.labels(**labels),
                self._seconds.labels(endpoint=endpoint.name),
            )
        return series
