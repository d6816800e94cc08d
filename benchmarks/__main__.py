"""`make bench`: measures what is asked for, prints the tables, and with --save writes them to docs/."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import string
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from benchmarks.clients.inputs import TOKEN
from benchmarks.ends_seen import Ends
from benchmarks.listing import list_machines
from benchmarks.place import CHECKOUT
from benchmarks.saved import conditions, save, section
from benchmarks.scenarios import QUESTIONS, elsewhere
from benchmarks.scene import Options, Scene
from fleetscan.settings.types import Endpoint

WEATHER = "a field of the scenarios with limits, such as speed=30, limits_speed=0.5 or refill=by-minute"


def main() -> None:
    """Measure, and print and keep each scene as it is there."""
    parser = arguments()
    args = parser.parse_args()
    args.weather = dict(args.weather)
    options = Options(**{field.name: getattr(args, field.name) for field in fields(Options)})
    taken = conditions()
    for scene in measured(parser, args, options):
        print(section(scene, taken, level=2), flush=True)
        if args.save:
            save([scene], taken, CHECKOUT)


def measured(
    parser: argparse.ArgumentParser, args: argparse.Namespace, options: Options
) -> Iterator[Scene | Ends]:
    """What the flags ask for, scene by scene."""
    if args.endpoint:
        yield from measured_elsewhere(parser, args.endpoint, args.inventory, options)
        return
    os.environ[TOKEN] = simulated_token()
    for name in args.only or QUESTIONS:
        began_at = time.monotonic()
        yield from QUESTIONS[name](options, say)
        say(f"{name} took {time.monotonic() - began_at:.0f} s")


def simulated_token() -> str:
    """A token as long as Entra ID's: what is sent, and what replies are searched for.

    It opens nothing but a simulated Azure, and a real one must not meet it.
    """
    letters = random.Random("benchmark").choices(string.ascii_letters + string.digits, k=1_800)  # noqa: S311
    return f"eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.{''.join(letters[:1_450])}.{''.join(letters[1_450:])}"


def measured_elsewhere(
    parser: argparse.ArgumentParser, endpoint: str, inventory: Path | None, options: Options
) -> Iterator[Scene]:
    """The clients over a server that is not ours; its machines are listed where no inventory is given."""
    form = Endpoint()
    endpoint = str(form.parse(endpoint))
    if not form.allows(endpoint):
        parser.error(f"--endpoint must be {form.expected}, not {endpoint!r}")
    if TOKEN not in os.environ:
        parser.error(f"{TOKEN} is not set; it holds the bearer token for {endpoint}")
    with TemporaryDirectory() as place:
        if inventory is None:
            inventory = Path(place, "machines.jsonl")
            say(f"{asyncio.run(list_machines(endpoint, inventory)):,} VMs listed at {endpoint}")
        yield from elsewhere(endpoint, inventory, options, say)


def arguments() -> argparse.ArgumentParser:
    """The flags; their defaults are those of `Options`."""
    usual = Options()
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--only", action="append", choices=QUESTIONS, help="measure only this; repeat the flag for several")
    add("--save", action="store_true", help="write docs/benchmarks and the part of the README")
    add("--machines", type=int, default=usual.machines, help="VMs in scenes without limits")
    add("--threads-machines", type=int, default=usual.threads_machines, help="VMs for the threaded client")
    add("--rounds", type=int, default=usual.rounds, help="runs of each client without limits")
    add("--limit-rounds", type=int, default=usual.limit_rounds, help="runs of fleetscan under limits")
    add("--cap-s", type=float, default=usual.cap_s, help="an official client is stopped after this")
    add("--sizes", type=int, nargs="+", default=usual.sizes, help="fleet sizes of the growth scene")
    add("--seeds", type=int, default=usual.seeds, help="courses of each fleet in virtual time")
    add("--in-flight", type=int, default=usual.in_flight, help="operations running at once")
    add("--weather", type=weather, action="append", default=[], metavar="FIELD=VALUE", help=WEATHER)
    add("--endpoint", help="measure the clients against this server instead")
    add("--inventory", type=Path, help="its VMs: one JSON object with id, location and os_type per line")
    return parser


def weather(text: str) -> tuple[str, object]:
    """`speed=30` as a field and its value: a number where it reads as one."""
    name, _, value = text.partition("=")
    try:
        return name, orjson.loads(value)
    except orjson.JSONDecodeError:
        return name, value


def say(line: str) -> None:
    """Tell how far the measurement is; the tables alone go to standard output."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
