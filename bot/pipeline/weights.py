"""Every number that a verdict rests on, with its reason: what evidence is worth, and how long it counts.

How a cause looks from outside, and how common it is, stands in `signatures.py`. Weights are nats: natural logarithms of
likelihood ratios, so that 0.7 doubles the odds and 2.3 makes them tenfold.
"""

from __future__ import annotations

from datetime import timedelta

from bot.domain.catalogue import Kind, Side

# ---------------------------------------------------------------- what moved, and what stayed quiet

QUIET_RATE = 0.02  # how often a series leaves its usual range for no reason of ours
DECAY = 0.7  # of a cause's effect, a hop along the topology
TEMPER = 0.5  # telemetry repeats itself: each further sign counts half, or naive Bayes is wildly sure
PLAIN_SIGMAS = 8.0  # a departure so far off counts in full; one that is barely open counts less
ARGUABLE = 0.3  # a silence less surprising than this argues nothing: hundreds of such crumbs would drown the rest
PATIENCE = timedelta(minutes=5)  # what should follow has this long before its silence counts
UNSEEN_ROOT = -2.5  # nats against a cause that shows nothing of its own at its root: a guess that fits is no finding

# ---------------------------------------------------------------- who came first

LEAD_CAP = 2.0  # nats that timing may be worth: onsets are estimates
LEAD_A_TICK = 0.25  # nats a tick that the root leads by: what comes later may still follow from it
LATE_A_TICK = 0.5  # nats a tick against a root that its symptoms precede: an effect seldom comes before its cause
SAME_TIME_TICKS = 1.0  # nearer than this, nobody came first
ROOT_SIGN = 0.5  # how likely a root must show a kind of signal for its onset to be the root's own
UPSTREAM_FIRST = -3.0  # nats, when something that the root stands on was ill before it
UPSTREAM_TOGETHER = UPSTREAM_FIRST / 2.0  # when they began within a tick of each other: either may have been first

# ---------------------------------------------------------------- what people changed

CHANGE_CAP = 4.6  # nats a change at the right place and time may be worth, while the change feed may be incomplete
HELPING_CHANGE_CAP = 1.0  # nats, when the cause can do without one
NO_CHANGE = -4.0  # a cause that needs a change, and no such change is known
CHANGE_MEMORY = timedelta(minutes=30)  # changes older than this at the onset do not count
CHANGE_TAU = timedelta(minutes=12)  # what a change is worth falls to a third over this distance from the onset
CHANGE_LATE_TICKS = 3  # how much later than the onset a change may seem: onsets are estimates, changes are polled

# ---------------------------------------------------------------- from scores to a verdict

SETTLED = 0.75  # below this no side is named
MIXED_PENALTY = 5.0  # nats: two independent troubles at once are rare

# ---------------------------------------------------------------- how long a trouble is watched before it is told

SILENCE_PATIENCE = timedelta(minutes=15)  # series that end together: scrapes fail for some minutes and come back
SILENCE_TICKS = 4  # and at least so many ticks, where those are far apart
STILL_OFF = 2.5  # sigmas: nearer to its usual than this, a finding only waits for the proof that it is back
BLIP = timedelta(minutes=7)  # what a rollout costs while it happens is over by then
BLIP_REACH = 2  # hops: what was rolled out, its callers and its models

# ---------------------------------------------------------------- which findings belong together

EARLY_TICKS = 2  # a symptom seldom precedes its cause; onsets are estimates, so two ticks of slack
TOGETHER_TICKS = 3  # symptoms of one unseen cause begin within this
ROOT_LATE_TICKS = 5  # how much later than its symptoms a root may seem to begin: onsets are estimates
MAX_HOPS = 4  # farther along the topology, nothing is said to have brought about anything

# How long a trouble takes to show in a kind of signal: age must first exceed what people tolerate, and
# predictions move only when stale values have drifted.
LAGS: dict[Side, timedelta] = {
    Side.INFRASTRUCTURE: timedelta(minutes=10),
    Side.SERVING: timedelta(minutes=10),
    Side.DATA: timedelta(minutes=30),
    Side.QUALITY: timedelta(minutes=60),
}
# A resource that fills up hurts when it is full, which may take hours: its effects may begin at any time until then.
FILLING = frozenset({Kind.DISK, Kind.MEMORY, Kind.BACKLOG})
FILLING_LAG = timedelta(hours=6)
