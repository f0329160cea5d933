"""A process to be killed: commits numbered changesets for ever, and prints each number once it is acknowledged."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bot.ports import Changeset, IncidentWrite, TickMark
from bot.store.sql import open_store
from tests.contracts import values as v


async def main(url: str, start: int) -> None:
    store = await open_store(url)
    number = start
    while True:
        name = f"i-{number:06d}"
        await store.commit(
            Changeset(
                incidents=(IncidentWrite(incident=v.incident(name), expected_revision=None),),
                outbox=(v.item(name), v.item(name, "evidence")),
                audit=(v.audit(subject=name),),
                tick=TickMark(at=v.T0 + number * v.MINUTE, seconds=1.0, series=number, findings=3),
                snapshot=str(number).encode(),
            )
        )
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
