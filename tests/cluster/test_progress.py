"""All shards' counts are one scan's, whatever message is lost and whichever process goes on with a shard."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from fleetscan.cli.tally import Tally
from fleetscan.cluster.fleet import Fleet
from fleetscan.cluster.hiding import keep_log
from fleetscan.cluster.order import Order, read_order, sent_of
from fleetscan.cluster.standing import Standing, told_by
from fleetscan.errors import Remedy, ResumeCommand, UsageError
from fleetscan.model import InventoryError, Outcome, RequestKind
from fleetscan.outlook import Outlook
from fleetscan.redacting import Secrets
from fleetscan.settings.declared import Settings
from fleetscan.version import __version__

NOW = 100.0


class Heard(Tally):
    """Counts, and keeps what people are told."""

    def __init__(self) -> None:
        super().__init__(NOW)
        self.told: list[str] = []

    def note(self, sentence: str, remedy: Remedy | None = None) -> None:
        self.told.append(f"note: {sentence}")

    def warning(self, sentence: str, remedy: Remedy | None = None) -> None:
        self.told.append(f"warning: {sentence}")

    def inventory_error(self, error: InventoryError) -> None:
        self.told.append(f"not listed: {error.message}")


def standing(*, assessed: int, running: int, starts: int, total: int = 10, left_s: float = 60.0) -> Standing:
    """A shard that has told so much."""
    found = Standing(lambda: NOW, lambda text: text.replace("hunter2", "<hidden>"), is_verbose=False)
    found.phase("scanning")
    found.listed(total, 0)
    found.counted(total, 2)
    found.selected({}, [], 0)
    for _ in range(assessed):
        found.accepted()
        found.finished()
        found.ended(Outcome.ASSESSED, None)
    for _ in range(running):
        found.accepted()
    for _ in range(starts):
        found.sent(RequestKind.START)
    found.outlook(Outlook(NOW + left_s, 0, running))
    return found


def fleet_of(heard: Heard, of: int = 2) -> Fleet:
    """The fleet that tells `heard`."""
    return Fleet(heard, of, {}, lambda: NOW, is_by_vm=False)


def test_two_shards_add_up_and_the_scan_ends_with_the_last() -> None:
    heard = Heard()
    fleet = fleet_of(heard)
    fleet.take(1, "a", standing(assessed=3, running=2, starts=5, left_s=30.0).message())
    assert (heard.view(NOW).total, heard.view(NOW).is_listed, heard.view(NOW).left_s) == (10, False, None)
    fleet.take(2, "b", standing(assessed=1, running=4, starts=5, left_s=90.0).message())
    view = heard.view(NOW)
    assert (view.phase, view.total, view.done, view.running, view.requests) == ("scanning", 20, 4, 6, 10)
    assert (view.is_listed, view.left_s) == (True, 90.0)


def test_a_message_that_is_lost_or_comes_twice_does_no_harm() -> None:
    heard = Heard()
    fleet = fleet_of(heard, 1)
    last = standing(assessed=6, running=1, starts=7).message()
    fleet.take(1, "a", standing(assessed=1, running=3, starts=4).message())
    fleet.take(1, "a", last)
    fleet.take(1, "a", {**last, "said": []})
    view = heard.view(NOW)
    assert (view.done, view.running, view.requests) == (6, 1, 7)


def test_a_process_that_goes_on_counts_no_vm_twice_and_no_request_less() -> None:
    heard = Heard()
    fleet = fleet_of(heard, 1)
    fleet.take(1, "a", standing(assessed=6, running=2, starts=8).message())
    # The next one reads in the journal what is done.
    fleet.take(1, "b", standing(assessed=4, running=0, starts=0).message())
    assert (heard.view(NOW).done, heard.view(NOW).requests) == (6, 8)
    fleet.take(1, "b", standing(assessed=7, running=1, starts=2).message())
    view = heard.view(NOW)
    assert (view.done, view.running, view.requests) == (7, 1, 10)
    fleet.end(1)
    assert heard.view(NOW).running == 0


def test_what_a_shard_says_comes_once_with_its_number_and_without_secrets() -> None:
    heard, shard = Heard(), standing(assessed=0, running=0, starts=0)
    shard.warning("the password hunter2 is old", Remedy("resume with: {c}", {"c": ResumeCommand("/run")}))
    shard.note("resuming /run")
    shard.inventory_error(InventoryError("s", None, "hunter2 may not list", 403))
    fleet = fleet_of(heard)
    for _ in range(2):
        fleet.take(2, "a", shard.message())
    assert heard.told == [
        "not listed: <hidden> may not list",
        "warning: shard 2 of 2: the password <hidden> is old",
        "note: shard 2 of 2: resuming /run",
    ]


def test_a_remedy_travels_with_its_settings_and_a_shard_s_command_does_not() -> None:
    shard = standing(assessed=0, running=0, starts=0)
    shard.warning("one", Remedy("give {limit}", {"limit": 5}))
    shard.warning("two", Remedy("resume with: {c}", {"c": ResumeCommand("/run")}))
    told = [told_by(each) for each in shard.message()["said"]]
    assert [each.remedy for each in told] == [Remedy("give {limit}", {"limit": 5}), None]


ORDER: dict[str, Any] = {"number": 2, "of": 3, "out": "/shared/run/shards/2-of-3", "version": __version__}


def order_of(settings: Settings) -> Order:
    """The second of three shards."""
    return Order(scan="5c1f2a90", patience_s=600.0, settings=sent_of(settings), **ORDER)


def test_an_order_says_what_the_shard_scans_and_nothing_of_the_driver_s_own() -> None:
    told = Settings(
        engine="dask",
        scheduler="tls://dask.example:8786",
        shards=3,
        out="/shared/run",
        tag=("env=prod", "team"),
        proxy="http://nightly:hunter2@127.0.0.1:9",
        token_scope="https://management.example.com/.default",
        metrics_file="/var/fleetscan.prom",
        history="history.db",
        drain_s=7.0,
    )
    text = order_of(told).as_text()
    for own in ("hunter2", "dask.example", "management.example", "fleetscan.prom", "history.db"):
        assert own not in text
    env = {"FLEETSCAN_PROXY": "http://worker:8080", "FLEETSCAN_ACCESS_TOKEN": "sesame"}
    read = read_order(text).scanned_with(env)
    assert (read.tag, read.drain_s, read.proxy) == (("env=prod", "team"), 7.0, "http://worker:8080")
    assert (read.shard, read.out, read.resume, read.engine) == ("2/3", ORDER["out"], True, "process")
    read.check_together()


def test_a_worker_s_variable_that_cannot_be_read_is_said_without_its_value() -> None:
    order = read_order(order_of(Settings(out="/shared/run")).as_text())
    with pytest.raises(UsageError, match="the worker's FLEETSCAN_PROXY must be") as refused:
        order.scanned_with({"FLEETSCAN_PROXY": "ftp://nightly:hunter2@proxy"})
    assert "hunter2" not in str(refused.value)


def test_an_order_of_another_version_is_refused() -> None:
    text = order_of(Settings(out="/shared/run")).as_text().replace(f'"{__version__}"', '"99.0"')
    with pytest.raises(UsageError, match=f"it has fleetscan {__version__}, and not 99.0 as the driver"):
        read_order(text)


def test_a_worker_s_log_has_no_secret_in_messages_and_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.Logger("fleetscan")
    for _ in range(2):
        keep_log(log, Secrets(["hunter2-and-more"]))
    try:
        raise RuntimeError("refused hunter2-and-more")
    except RuntimeError:
        log.exception("shard %s failed", "hunter2-and-more")
    said = capsys.readouterr().err
    assert "hunter2" not in said
    assert said.count("shard <hidden> failed") == 1
    assert "RuntimeError: refused <hidden>" in said
