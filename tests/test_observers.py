"""Facts about the observers that measure."""

import asyncio
import importlib
import logging
import subprocess
import sys
import time

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from prometheus_client import CollectorRegistry, generate_latest

from bingx_async import BingX, Governor, Quota, QuotaTimeout, Scope
from bingx_async.observers import metrics
from bingx_async.observers.opentelemetry import OpenTelemetryObserver
from bingx_async.observers.prometheus import PrometheusObserver
from tests.virtual import loop, run

SET = BingX.endpoints()["swap.set_leverage"]
CONTRACTS = BingX.endpoints()["swap.contracts"]
CLOSED_UNTIL = "bingx_closed_until_timestamp_seconds"


class Prometheus:
    """A registry, and an observer that tells it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.observer = PrometheusObserver(self.registry)

    def read(self):
        """Return every value by its name and labels, without buckets and times of making."""
        return {
            " ".join([sample.name, *(f"{k}={v}" for k, v in sorted(sample.labels.items()))]): (
                sample.value
            )
            for family in self.registry.collect()
            for sample in family.samples
            if not sample.name.endswith(("_bucket", "_created"))
        }

    def everything(self):
        """Return all that is exported, as text."""
        return generate_latest(self.registry).decode()


class OpenTelemetry:
    """A reader in memory, and an observer that tells it."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        provider = MeterProvider([self.reader], shutdown_on_exit=False)
        self.observer = OpenTelemetryObserver(provider.get_meter("bingx_async"))

    def metrics(self):
        """Return every metric by its name."""
        (resource,) = self.reader.get_metrics_data().resource_metrics
        (scope,) = resource.scope_metrics
        return {metric.name: metric for metric in scope.metrics}

    def read(self):
        """Return every value by its labels and the name that an export to Prometheus gives it."""
        found = {}
        for metric in self.metrics().values():
            name = metric.name.replace(".", "_") + ("_seconds" if metric.unit == "s" else "_total")
            for point in metric.data.data_points:
                labels = [f"{k}={v}" for k, v in sorted(point.attributes.items())]
                if isinstance(point, HistogramDataPoint):
                    found[" ".join([f"{name}_sum", *labels])] = point.sum
                    found[" ".join([f"{name}_count", *labels])] = point.count
                else:
                    found[" ".join([name, *labels])] = point.value
        return found

    def everything(self):
        """Return all that is exported, as text."""
        return self.reader.get_metrics_data().to_json()


@pytest.fixture(params=[Prometheus, OpenTelemetry])
def watch(request):
    """Measure with one of the two."""
    return request.param()


class Failing:
    """An observer that can do nothing right."""

    def on_wait(self, *of):
        raise ZeroDivisionError("wait")

    def on_grant(self, *of):
        raise ZeroDivisionError("grant")

    def on_refusal(self, *of):
        raise ZeroDivisionError("refusal")


async def request(governor, endpoint=SET, *, log=None, **options):
    """Enter a permit and leave it at once, and note when."""
    async with governor.permit(endpoint, **options):
        if log is not None:
            log.append(loop().now)


async def scenario(observer):
    """Let callers come, wait, give up and be refused; return when each was let through."""
    governor = Governor(
        limits={SET.name: Quota(2, 1.0)}, groups={1: None, 2: None}, observer=observer
    )
    log, start = [], loop().now
    calls = [asyncio.create_task(request(governor, uid="1", log=log)) for _ in range(5)]
    await request(governor, CONTRACTS, log=log)
    await asyncio.gather(*calls)
    for impatient in 0.0, 0.5:
        await request(governor, uid="2", log=log)
        await request(governor, uid="2", log=log)
        with pytest.raises(QuotaTimeout):
            await request(governor, uid="2", max_wait=impatient)
        await asyncio.sleep(1)
    cancelled = [asyncio.create_task(request(governor, uid="2", log=log)) for _ in range(3)]
    await asyncio.sleep(0.25)
    cancelled[2].cancel()
    await asyncio.wait(cancelled)
    async with governor.permit(SET, uid="3", ip="proxy") as permit:
        assert permit.refused(30) == pytest.approx(30)
    await request(governor, uid="3", ip="proxy", log=log)
    return [moment - start for moment in log]


PASSED = [*[0.0] * 3, *[1.0] * 2, *[2.0] * 3, *[3.0] * 2, *[4.0] * 2, 34.25]
OF_1, OF_2, OF_3 = (
    f"endpoint=swap.set_leverage ip={ip} uid={uid}"
    for ip, uid in (("default", 1), ("default", 2), ("proxy", 3))
)
PUBLIC = "endpoint=swap.contracts ip=default uid="
MEASURED = {
    f"bingx_permit_waits_total {OF_1}": 3,
    f"bingx_permit_waits_total {OF_2}": 2 + 1,  # gave up, was cancelled
    f"bingx_permit_waits_total {OF_3}": 1,
    f"bingx_permit_waits_total {PUBLIC}": 0,
    f"bingx_permits_total {OF_1}": 5,
    f"bingx_permits_total {OF_2}": 6,
    f"bingx_permits_total {OF_3}": 2,
    f"bingx_permits_total {PUBLIC}": 1,
    "bingx_permit_wait_seconds_count endpoint=swap.set_leverage": 5 + 6 + 2,
    "bingx_permit_wait_seconds_sum endpoint=swap.set_leverage": 1 + 1 + 2 + 30,
    "bingx_permit_wait_seconds_count endpoint=swap.contracts": 1,
    "bingx_permit_wait_seconds_sum endpoint=swap.contracts": 0,
    "bingx_refusals_total closed=uid 3, swap.set_leverage " + OF_3: 1,
}


def test_waits_permits_and_refusals_are_counted(watch):
    """Exactly, and under the same names, whichever system is told."""
    assert run(scenario(watch.observer)) == pytest.approx(PASSED)
    found = watch.read()
    del found[f"{CLOSED_UNTIL} closed=uid 3, swap.set_leverage"]
    assert found == pytest.approx(MEASURED)


def test_one_observer_watches_several_governors(watch):
    """What they do is added up."""

    async def main():
        for _ in range(2):
            await request(Governor(observer=watch.observer), uid="1")

    run(main())
    assert watch.read()[f"bingx_permits_total {OF_1}"] == 2


def test_what_is_closed_is_told_until_when(watch):
    """Two accounts that are refused close more than their own endpoints."""

    async def main():
        governor = Governor(observer=watch.observer)
        for uid, seconds in ("1", 300), ("2", 60):
            async with governor.permit(SET, uid=uid) as permit:
                permit.refused(seconds)

    run(main())
    left = {
        name.removeprefix(f"{CLOSED_UNTIL} closed="): value - time.time()
        for name, value in watch.read().items()
        if name.startswith(CLOSED_UNTIL)
    }
    assert left == pytest.approx(
        {
            "uid 1, swap.set_leverage": 300,
            "uid 2, swap.set_leverage": 60,
            "ip default, swap.set_leverage": 300,
        },
        abs=5,
    )


def test_a_later_refusal_does_not_open_what_is_closed(watch):
    """The later end counts, as it does for the governor."""

    async def main():
        governor = Governor(observer=watch.observer)
        for seconds in 300, 5:
            governor.permit(SET, uid="1").refused(seconds, scope=Scope.ADDRESS)

    run(main())
    found = watch.read()
    until = found[f"{CLOSED_UNTIL} closed=ip default, everything"]
    assert until - time.time() == pytest.approx(300, abs=5)
    assert found[f"bingx_refusals_total closed=ip default, everything {OF_1}"] == 2


def test_prometheus_counts_those_that_did_not_wait_in_the_first_bucket():
    """And a wait of a second and a round trip apart from longer ones."""
    watch = Prometheus()
    run(scenario(watch.observer))

    def bucket(bound):
        name, labels = "bingx_permit_wait_seconds_bucket", {"endpoint": SET.name, "le": bound}
        return watch.registry.get_sample_value(name, labels)

    counts = {bound: bucket(bound) for bound in ("0.0", "0.5", "1.25", "2.5", "10.0", "+Inf")}
    assert counts == {"0.0": 9, "0.5": 9, "1.25": 11, "2.5": 12, "10.0": 12, "+Inf": 13}


def test_opentelemetry_counts_those_that_did_not_wait_in_the_first_bucket():
    """The boundaries are advice that the SDK follows, and no view is needed."""
    watch = OpenTelemetry()
    run(scenario(watch.observer))
    (of_set,) = (
        point
        for point in watch.metrics()["bingx.permit.wait"].data.data_points
        if point.attributes["endpoint"] == SET.name
    )
    assert of_set.explicit_bounds == metrics.BOUNDS
    counts = dict(zip(of_set.explicit_bounds, of_set.bucket_counts, strict=False))
    found = {bound: count for bound, count in counts.items() if count}
    assert found == {0: 9, 1.25: 2, 2.5: 1, 30: 1}


def test_prometheus_is_told_what_each_metric_means():
    """In the page that it reads."""
    watch = Prometheus()
    run(scenario(watch.observer))
    page = watch.everything()
    for name, kind, text in (
        ("bingx_permit_waits_total", "counter", metrics.WAITS),
        ("bingx_permits_total", "counter", metrics.PERMITS),
        ("bingx_permit_wait_seconds", "histogram", metrics.WAIT_SECONDS),
        ("bingx_refusals_total", "counter", metrics.REFUSALS),
        (CLOSED_UNTIL, "gauge", metrics.CLOSED_UNTIL),
    ):
        assert f"# HELP {name} {text}\n# TYPE {name} {kind}\n{name}" in page


def test_opentelemetry_is_told_what_each_metric_means():
    """With its unit."""
    watch = OpenTelemetry()
    run(scenario(watch.observer))
    assert {(m.name, m.unit, m.description) for m in watch.metrics().values()} == {
        ("bingx.permit.waits", "{wait}", metrics.WAITS),
        ("bingx.permits", "{permit}", metrics.PERMITS),
        ("bingx.permit.wait", "s", metrics.WAIT_SECONDS),
        ("bingx.refusals", "{refusal}", metrics.REFUSALS),
        ("bingx.closed_until_timestamp", "s", metrics.CLOSED_UNTIL),
    }


def test_a_registry_has_one_observer():
    """A second one would count into the same names."""
    registry = CollectorRegistry()
    PrometheusObserver(registry)
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        PrometheusObserver(registry)


def test_the_registry_is_the_global_one_by_default():
    """It is what the usual ways of exporting export."""
    script = """
from bingx_async import BingX
from bingx_async.observers.prometheus import PrometheusObserver
from prometheus_client import REGISTRY

observer = PrometheusObserver()
observer.on_wait(BingX.endpoints()["swap.contracts"], None, "default")
of = {"endpoint": "swap.contracts", "uid": "", "ip": "default"}
print(REGISTRY.get_sample_value("bingx_permit_waits_total", of))
"""
    assert output_of(script) == "1.0\n"


def test_the_provider_of_the_meter_is_the_global_one_by_default():
    """It may be set after the observer was made; what was told before is lost."""
    script = """
from bingx_async import BingX
from bingx_async.observers.opentelemetry import OpenTelemetryObserver
from opentelemetry.metrics import set_meter_provider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

observer = OpenTelemetryObserver()
observer.on_wait(BingX.endpoints()["swap.contracts"], None, "default")
reader = InMemoryMetricReader()
set_meter_provider(MeterProvider([reader]))
observer.on_wait(BingX.endpoints()["swap.contracts"], None, "default")
(resource,) = reader.get_metrics_data().resource_metrics
(scope,) = resource.scope_metrics
print(scope.scope.name)
print([point.value for point in scope.metrics[0].data.data_points])
"""
    assert output_of(script) == "bingx_async\n[1]\n"


def output_of(script):
    """Run a script in a process of its own, whose globals it may change."""
    command = [sys.executable, "-W", "error", "-c", script]
    return subprocess.run(  # noqa: S603 - our own words
        command, capture_output=True, text=True, timeout=60, check=True
    ).stdout


def test_a_failing_observer_changes_nothing(caplog):
    """Whatever it raises is logged."""
    with caplog.at_level(logging.ERROR, logger="bingx_async"):
        assert run(scenario(Failing())) == run(scenario(None)) == pytest.approx(PASSED)
    raised = [str(record.exc_info[1]) for record in caplog.records]
    assert {record.getMessage() for record in caplog.records} == {"the observer failed"}
    assert {kind: raised.count(kind) for kind in raised} == {"wait": 7, "grant": 14, "refusal": 1}


async def test_metrics_hold_no_secret(exchange, watch, caplog):
    """Not of a real call either, of which the account is known by a digest of its key."""
    bingx = exchange.client("alice", uid=None, governor=Governor(observer=watch.observer))
    (key,) = exchange.account("alice").keys
    with caplog.at_level(logging.DEBUG, logger="bingx_async"):
        await asyncio.gather(*(bingx.swap.leverage("BTC-USDT") for _ in range(6)))
    told = watch.everything() + caplog.text
    assert f'"{bingx.uid}"' in told
    for secret in key.api_key, key.secret_key, "signature", "BTC-USDT":
        assert secret not in told


@pytest.mark.parametrize(
    ("module", "needed", "extra"),
    [
        ("prometheus", "prometheus_client", "prometheus"),
        ("opentelemetry", "opentelemetry.metrics", "opentelemetry"),
    ],
)
def test_without_the_extra_the_import_says_what_is_missing(monkeypatch, module, needed, extra):
    """The command can be copied."""
    monkeypatch.delitem(sys.modules, f"bingx_async.observers.{module}")
    monkeypatch.setitem(sys.modules, needed, None)
    with pytest.raises(ImportError, match=rf'needs: pip install "bingx-async\[{extra}\]"$'):
        importlib.import_module(f"bingx_async.observers.{module}")
