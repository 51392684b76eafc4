"""Facts about quotas as values."""

import math

import pytest

from bingx_async import IP_GROUPS, IpGroup, Quota


def test_quotas_print_as_people_write_them():
    """A second needs no number."""
    assert str(Quota(5, 1.0)) == "5/s"
    assert str(Quota(300, 10)) == "300/10 s"


@pytest.mark.parametrize("tokens", [0, -1])
def test_a_quota_without_tokens_is_refused(tokens):
    """It could never be kept."""
    with pytest.raises(ValueError, match="tokens must be 1 or more"):
        Quota(tokens, 1.0)


@pytest.mark.parametrize("tokens", [1.5, "5", True, None])
def test_tokens_are_whole_numbers(tokens):
    """Half a request does not exist."""
    with pytest.raises(TypeError, match="whole number"):
        Quota(tokens, 1.0)


@pytest.mark.parametrize("period", [0, -1.0, math.inf, math.nan])
def test_a_period_is_a_length_of_time(period):
    """Neither nothing nor for ever."""
    with pytest.raises(ValueError, match="period"):
        Quota(1, period)


def test_the_published_groups_stand_as_published():
    """The numbers that the governor enforces."""
    assert IP_GROUPS[1] == IpGroup(total=(Quota(500, 10), Quota(1000, 60)))
    assert IP_GROUPS[2] == IP_GROUPS[3] == IpGroup((Quota(2000, 10),), (Quota(300, 10),))


def test_groups_cannot_be_changed_by_accident():
    """One program's change would be every client's."""
    with pytest.raises(TypeError):
        IP_GROUPS[1] = IpGroup(())
