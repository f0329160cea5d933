"""Moves nothing: what an installation does until its owner configures otherwise."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)


class DryRunMover:
    """Implements ports.AliasMover."""

    @property
    def dry_run(self) -> bool:
        return True

    async def move(self, model: str, *, to_version: str) -> None:
        log.info("dry run: the alias was not moved", extra={"model": model, "to_version": to_version})
