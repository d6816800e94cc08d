"""What replies tell beside their answer: bounds on how far our clock is off, and the fewest requests left."""

from __future__ import annotations

import pytest

from fleetscan.doctor.heard import MOST_COUNTS, Clock, Quotas
from fleetscan.model import Reply

NOON = 1_795_435_200.0
DATE = "Mon, 23 Nov 2026 12:00:00 GMT"


def heard(*exchanges: tuple[float, float], date: str = DATE) -> float | None:
    """What is known after exchanges that were sent and received so many seconds after our noon."""
    clock = Clock()
    for sent_s, received_s in exchanges:
        clock.heard(Reply(200, {"date": date}), NOON + sent_s, NOON + received_s)
    return clock.ahead_s


def test_a_clock_is_right_where_the_date_fits_between_sending_and_receiving() -> None:
    assert heard((0.2, 0.4)) == 0.0
    assert heard((-3.0, 2.0)) == 0.0
    # Azure writes whole seconds: the date may be nearly a second old.
    assert heard((0.9, 0.95)) == 0.0


@pytest.mark.parametrize(
    ("exchange", "ahead_s"), [((10.0, 10.1), 9.0), ((-10.1, -10.0), -10.0), ((400.0, 430.0), 399.0)]
)
def test_the_least_difference_that_explains_a_reply_counts(
    exchange: tuple[float, float], ahead_s: float
) -> None:
    assert heard(exchange) == pytest.approx(ahead_s)


def test_many_replies_bound_it_better_than_one_slow_one() -> None:
    assert heard((400.0, 490.0)) == pytest.approx(399.0)
    assert heard((400.0, 490.0), (450.2, 450.4)) == pytest.approx(449.2)


def test_where_two_replies_contradict_each_other_the_newer_counts() -> None:
    assert heard((400.0, 400.1), (0.1, 0.2)) == 0.0


def test_without_a_date_nothing_is_known() -> None:
    assert heard((1.0, 2.0), date="yesterday") is None
    assert heard() is None


def test_the_fewest_of_each_count_is_kept_whatever_it_is_called() -> None:
    quotas = Quotas()
    for left in (240, 238, 239):
        quotas.heard({"x-ms-ratelimit-remaining-subscription-reads": str(left), "date": DATE})
    quotas.heard({"x-ms-user-quota-remaining": "14", "x-ms-user-quota-resets-after": "00:00:05"})
    quotas.heard({"x-ms-ratelimit-remaining-resource": "Microsoft.Compute/A;189,Microsoft.Compute/B;598"})
    assert quotas.left == {
        "x-ms-ratelimit-remaining-subscription-reads": 238,
        "x-ms-user-quota-remaining": 14,
        "Microsoft.Compute/A": 189,
        "Microsoft.Compute/B": 598,
    }


@pytest.mark.parametrize("text", ["", "many", "-1", "1e9", "12345678901", "\u0661", "1;2;x"])
def test_what_is_no_count_is_passed_over(text: str) -> None:
    quotas = Quotas()
    quotas.heard({"x-ms-ratelimit-remaining-subscription-reads": text})
    assert quotas.left == {}


def test_a_flood_of_counts_is_not_kept() -> None:
    quotas = Quotas()
    quotas.heard({f"x-ms-ratelimit-remaining-{number}": "1" for number in range(1000)})
    quotas.heard({"x-ms-ratelimit-remaining-" + "x" * 500: "1"})
    assert len(quotas.left) == MOST_COUNTS
