"""What happens in more than one story."""

from dataclasses import dataclass

from bot.world.faults.episode import Episode
from bot.world.faults.infrastructure import DiskFull
from bot.world.faults.model_side import BadVersion

A_DAY = 24 * 60  # minutes: nobody ends it


def bad_version(story, *, begins=0.5):
    """`fraud` is promoted from version 3 to 4, whose scores have collapsed."""
    story.happen(
        BadVersion(
            target="fraud",
            start_s=story.after(begins),
            end_s=story.after(A_DAY),
            from_version=3,
            to_version=4,
            returns=False,
        )
    )


def full_disk(story, *, lasts, begins=0.5, severity=1.0, within=6):
    """The disk of the node under the feature pipeline fills within so many minutes; severity: 1 is to the brim."""
    story.happen(
        DiskFull(
            target="n-04",
            start_s=story.after(begins),
            end_s=story.after(begins + lasts),
            rise_s=60.0 * within,
            severity=severity,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InputMoves(Episode):
    """One input of a model moves a little, and no harm comes of it."""

    def apply(self, drivers, times_s, topology):
        drivers.add("shift", self.target, 0.25 * self.intensity(times_s))


def input_moves(story, target, *, begins=0.5):
    story.happen(InputMoves(target=target, start_s=story.after(begins), end_s=story.after(A_DAY)))
