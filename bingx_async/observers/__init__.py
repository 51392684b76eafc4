"""
Observers that turn what a governor tells into metrics.

- ``bingx_async.observers.prometheus`` has ``PrometheusObserver``; it needs
  ``pip install "bingx-async[prometheus]"``.
- ``bingx_async.observers.opentelemetry`` has ``OpenTelemetryObserver``; it needs
  ``pip install "bingx-async[opentelemetry]"``.

Both measure the same, and differ in the names as their ecosystems do.
"""
