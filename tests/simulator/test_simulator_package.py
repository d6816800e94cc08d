"""What another program may use of the simulator, and how little it takes."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
import orjson
import pytest

import fleetscan.simulator
from fleetscan.simulator import Cloud, Scenario, serve


def loaded_by(script: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after `script`."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{script}\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.split())


async def listed(endpoint: str) -> tuple[datetime, int]:
    """The date and the number of subscriptions in a reply to their listing."""
    address = f"{endpoint}/subscriptions?api-version=2022-12-01"
    async with (
        aiohttp.ClientSession() as session,
        session.get(address, headers={"Authorization": "Bearer any"}) as reply,
    ):
        return parsedate_to_datetime(reply.headers["date"]), len(orjson.loads(await reply.read())["value"])


def test_three_names_are_public() -> None:
    assert fleetscan.simulator.__all__ == ["Cloud", "Scenario", "serve"]
    assert set(fleetscan.simulator.__all__) <= set(dir(fleetscan.simulator))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'fleetscan.simulator' has no attribute 'Clod'$"):
        getattr(fleetscan.simulator, "Clod")  # noqa: B009 - the type checker would refuse the plain attribute


def test_aiohttp_loads_with_serve_and_not_before() -> None:
    assert "aiohttp" not in loaded_by("from fleetscan.simulator import Cloud, Scenario\nCloud(Scenario())")
    assert "aiohttp" in loaded_by("from fleetscan.simulator import serve")


def test_the_package_alone_loads_none_of_its_modules() -> None:
    modules = loaded_by("import fleetscan.simulator")
    assert {name for name in modules if name.startswith("fleetscan.")} == {
        "fleetscan.simulator",
        "fleetscan.version",
    }


async def test_a_cloud_made_of_a_scenario_alone_is_served_with_today_s_dates() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    async with serve(Cloud(Scenario(machines=20, subscriptions=2))) as endpoint:
        date, subscriptions = await listed(endpoint)
    assert before <= date <= datetime.now(UTC)
    # The last of them is disabled, and holds no machine.
    assert subscriptions == 3


async def test_a_cloud_with_an_epoch_keeps_it() -> None:
    epoch = datetime(2026, 11, 22, 2, 0, 0, tzinfo=UTC)
    async with serve(Cloud(Scenario(machines=20), epoch=epoch)) as endpoint:
        date, _ = await listed(endpoint)
    assert 0 <= (date - epoch).total_seconds() < 60
