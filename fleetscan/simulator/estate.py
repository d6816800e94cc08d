"""The organisation a simulated fleet belongs to: subscriptions, regions, workloads and their owners.

All of it is invented and drawn from a seed; region names are Azure's own.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass

from fleetscan.simulator.images import DATABASE_WINDOWS, LINUX, WINDOWS, Image

REGIONS = {
    "westeurope": "weu",
    "northeurope": "neu",
    "eastus": "eus",
    "germanywestcentral": "gwc",
    "uksouth": "uks",
    "westus2": "wus2",
    "francecentral": "frc",
    "swedencentral": "sdc",
    "southeastasia": "sea",
    "australiaeast": "aue",
    "canadacentral": "cac",
    "centralus": "cus",
    "japaneast": "jpe",
    "switzerlandnorth": "szn",
    "brazilsouth": "brs",
    "centralindia": "inc",
}

UNITS = ("Retail", "Logistics", "Finance", "Data Platform", "Identity", "Manufacturing")
STAGES = ("Production", "Non-Production", "Shared Services")

# Environments by how many machines live in each.
ENVIRONMENTS = ("prod",) * 6 + ("test",) * 2 + ("dev", "stage")

# Teams and the applications they own.
TEAMS = {
    "shop": "team-storefront",
    "billing": "team-payments",
    "warehouse": "team-logistics",
    "crm": "team-crm",
    "identity": "team-identity",
    "lake": "team-data",
    "erp": "team-erp",
    "mes": "team-plant-it",
}


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription, as GET /subscriptions lists it."""

    subscription_id: str
    name: str
    state: str = "Enabled"


@dataclass(frozen=True, slots=True)
class Role:
    """What a machine is for, which decides what it runs."""

    name: str
    images: tuple[Image, ...]


ROLES = (
    Role("web", LINUX),
    Role("api", LINUX),
    Role("worker", LINUX),
    Role("cache", LINUX),
    Role("pg", LINUX),
    Role("app", WINDOWS),
    Role("sql", DATABASE_WINDOWS),
    Role("file", WINDOWS),
    Role("rds", WINDOWS),
    Role("batch", WINDOWS + LINUX),
)


class Estate:
    """Subscriptions and regions of one seed, `empty` subscriptions without machines, and a disabled one.

    The first subscriptions are past due, the next ones warned.
    """

    def __init__(
        self,
        seed: int,
        subscriptions: int,
        regions: int,
        *,
        past_due: int = 0,
        warned: int = 0,
        empty: int = 0,
    ) -> None:
        states = ["PastDue"] * past_due + ["Warned"] * warned
        states += ["Enabled"] * (subscriptions - len(states))
        draw = random.Random(f"{seed}:estate")
        self.tenant_id = _guid(draw)
        self.regions = tuple(REGIONS)[:regions]
        self.subscriptions = tuple(
            Subscription(_guid(draw), _subscription_name(index), state) for index, state in enumerate(states)
        )
        self.disabled = Subscription(_guid(draw), "Retired Sandbox", "Disabled")
        self.empty = tuple(Subscription(_guid(draw), f"Sandbox {index + 1}") for index in range(empty))


def _guid(draw: random.Random) -> str:
    return str(uuid.UUID(int=draw.getrandbits(128), version=4))


def _subscription_name(index: int) -> str:
    round_no, place = divmod(index, len(UNITS) * len(STAGES))
    stage, unit = divmod(place, len(UNITS))
    return f"{UNITS[unit]} {STAGES[stage]}" + (f" {round_no + 1}" if round_no else "")
