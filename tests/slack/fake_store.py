"""The outbox in a list: enough of Store for the publisher and the handlers, nothing of the incidents."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.message import Slot
from bot.ports import Claimed, OutboxDepth


class FakeStore:
    def __init__(self, *items) -> None:
        self.entries = [
            {"item": one, "state": "waiting", "attempts": 0, "first": None, "due": one.not_before} for one in items
        ]
        self.places = {}
        self.parked = {}
        self.seen = set()
        self.steal = False  # pretend that another owner finished each item

    def put(self, *items):
        self.entries += FakeStore(*items).entries

    async def claim(self, *, owner, now, lease, limit):
        found, threads = [], set()
        for entry in sorted(self.entries, key=lambda entry: entry["item"].slot != Slot.HEADLINE):
            one = entry["item"]
            if entry["state"] != "waiting" or entry["due"] > now or one.thread in threads or len(found) == limit:
                continue
            threads.add(one.thread)
            entry["attempts"] += 1
            entry["first"] = entry["first"] or now
            found.append(
                Claimed(
                    item=one,
                    attempt=entry["attempts"],
                    first_try=entry["first"],
                    posted=self.places.get((one.thread, one.slot)),
                    root=self.places.get((one.thread, "headline")),
                )
            )
            entry["state"] = "claimed"
        return found

    def _entry(self, claimed):
        return next(entry for entry in self.entries if entry["item"] is claimed.item)

    async def sent(self, claimed, posted, *, owner):
        self._entry(claimed)["state"] = "sent"
        if self.steal:
            self.places[(posted.thread, posted.slot)] = replace(posted, ts="1.0")
            return False
        self.places[(posted.thread, posted.slot)] = posted
        return True

    async def release(self, claimed, *, owner, not_before, sure):
        entry = self._entry(claimed)
        entry["state"], entry["due"] = "waiting", not_before
        entry["attempts"] -= 1 if sure else 0

    async def park(self, claimed, *, owner, because):
        self._entry(claimed)["state"] = "parked"
        self.parked[claimed.item.op] = because

    async def posted(self, thread, slot):
        return self.places.get((thread, slot))

    async def posted_at(self, channel, ts):
        return next((place for place in self.places.values() if (place.channel, place.ts) == (channel, ts)), None)

    async def outbox_depth(self):
        return OutboxDepth(waiting=0, parked=len(self.parked), oldest=None)

    async def first_time(self, key, *, now):
        new = key not in self.seen
        self.seen.add(key)
        return new

    @property
    def states(self):
        return [entry["state"] for entry in self.entries]
