"""A client of fleetscan as anyone would write it, in twelve lines that pass `mypy --strict`."""

import asyncio
import sys

import fleetscan


async def main(endpoint: str) -> int:
    async with fleetscan.scan(fleetscan.Settings(endpoint=endpoint, first_poll_s=0.3)) as live:
        async for row in live:
            error = row["error"]
            print(row["name"], row["outcome"], row["critical_and_security_count"], error and error["code"])  # noqa: T201
    return live.summary.exit_code


sys.exit(asyncio.run(main(sys.argv[1])))
