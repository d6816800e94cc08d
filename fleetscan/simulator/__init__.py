"""A simulated Azure for programs and tests: no account, no network, seeded, true to recorded traffic.

    import anyio, fleetscan
    from fleetscan.simulator import Cloud, Scenario, serve

    async def main() -> None:
        async with serve(Cloud(Scenario(machines=20, speed=240))) as endpoint:
            settings = fleetscan.Settings(endpoint=endpoint)
            async with fleetscan.scan(settings, credential="any-token") as live:
                async for row in live:
                    print(row["name"], row["outcome"])

    anyio.run(main)

`Scenario` says what is simulated, `Cloud` simulates it, `serve` answers for it over HTTP on loopback.
Everything else in this package is private. Each name loads when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fleetscan.simulator.cloud import Cloud
    from fleetscan.simulator.scenario import Scenario
    from fleetscan.simulator.server import serve

__all__ = ["Cloud", "Scenario", "serve"]

_HOMES = {"Cloud": "cloud", "Scenario": "scenario", "serve": "server"}

# Type checkers take the names from the imports above, and so still find a wrong one.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
