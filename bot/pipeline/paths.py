"""How a trouble at one entity reaches another, told hop by hop in words."""

from __future__ import annotations

from itertools import pairwise

from bot.domain.catalogue import Catalogue


def hop_text(start: str, end: str, catalogue: Catalogue) -> str | None:
    """Say how a trouble at `start` touches `end` directly, or None when it does not."""
    service, model = catalogue.service.get(end), catalogue.model.get(end)
    here, served = catalogue.service.get(start), catalogue.model.get(start)
    whole, part = catalogue.model_of(start), catalogue.model_of(end)
    told = (
        (service is not None and start in service.runs_on, f"{end} runs on {start}"),
        (service is not None and start in service.depends_on, f"{end} depends on {start}"),
        (model is not None and model.served_by == start, f"{end} is served by {start}"),
        (catalogue.feature_source(end) == start, f"{end} is filled by {start}"),
        (whole is not None and whole.name == end, f"{start} is a part of {end}"),
        (served is not None and served.served_by == end, f"{end} serves {start}"),
        (part is not None and part.name == start, f"{end} is a part of {start}"),
        (here is not None and end in here.runs_on, f"{start} runs on {end}"),
    )
    return next((words for holds, words in told if holds), None) if start != end else None


def path(start: str, end: str, catalogue: Catalogue) -> tuple[str, ...] | None:
    """The entities on a shortest way from `start` to `end`, both included; None when a trouble cannot get there."""
    hops = catalogue.downstream(start)
    if end not in hops:
        return None
    found = [end]
    while found[0] != start:
        here = found[0]
        before = (
            name
            for name in sorted(hops)
            if hops[name] == hops[here] - 1
            and hop_text(name, here, catalogue) is not None
            and (name == start or not _is_part(here, name, catalogue))
        )
        step = next(before, None)
        if step is None:
            return None  # a relation without words: say nothing rather than something vague
        found.insert(0, step)
    return tuple(found)


def _is_part(part: str, whole: str, catalogue: Catalogue) -> bool:
    """Whether a step leads from a model to its own inputs: worth telling of the root only, not of a bystander."""
    owner = catalogue.model_of(part)
    return owner is not None and owner.name == whole and part != whole and catalogue.feature_source(part) != whole


def path_text(start: str, end: str, catalogue: Catalogue) -> str | None:
    """The way in one sentence without its full stop, or None.

    Returns e.g. "feature-store runs on n-04, fraud/velocity is filled by feature-store".
    """
    names = path(start, end, catalogue)
    if names is None or len(names) < 2:
        return None
    told = [hop_text(a, b, catalogue) for a, b in pairwise(names)]
    return ", ".join(text for text in told if text)
