"""References of model versions, kept in the store as text."""

from __future__ import annotations

from bot.domain.prediction_log import Profile
from bot.ports import Changeset, Store, StoredProfile
from bot.sources.prediction_log.profile_file import profile_text, read_profile


class StoredProfiles:
    """Implements log_watch.ProfileStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def profile(self, model: str, version: str) -> Profile | None:
        """Return the newest one. Raises BadInputError when it is damaged."""
        kept = await self._store.profile(model, version)
        return None if kept is None else read_profile(kept.body)

    async def keep(self, profile: Profile, *, origin: str) -> None:
        stored = StoredProfile(
            model=profile.model,
            version=profile.version,
            id=profile.id,
            made=profile.made,
            origin=origin,
            body=profile_text(profile),
        )
        await self._store.commit(Changeset(profiles=(stored,)))
