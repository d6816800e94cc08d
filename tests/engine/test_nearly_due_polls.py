"""A poll that is all but due goes when it comes up, and is not planned anew for a moment."""

from __future__ import annotations

from fleetscan.engine.pacing import Pacing, Watch


def watched(pacing: Pacing) -> Watch:
    """An operation seen running at 40 s: beside 2,000 like it, with 25 reads a second, due 82 s later."""
    for _ in range(2_000):
        pacing.wait_s(pacing.watch("Linux", "s", 0.0), 40.0, 25.0)
    watch = pacing.watch("Linux", "s", 0.0)
    pacing.running(watch, 40.0)
    return watch


def test_what_is_due_but_for_a_twentieth_of_its_distance_goes_now() -> None:
    pacing = Pacing(lambda: 0.5)
    watch = watched(pacing)
    assert 5.0 < pacing.wait_s(watch, 40.0 + 76.0, 25.0) < 7.0
    assert pacing.wait_s(watch, 40.0 + 78.5, 25.0) == 0.0


def test_no_poll_goes_before_its_least_distance_for_being_nearly_due() -> None:
    pacing = Pacing(lambda: 0.5)
    watch = pacing.watch("Linux", "s", 0.0)
    pacing.running(watch, 100.0)
    assert pacing.wait_s(watch, 103.9, 1_000.0) > 0.0
    assert pacing.wait_s(watch, 104.0, 1_000.0) == 0.0
