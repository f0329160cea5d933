"""Every rule of evidence with its weight and its reason, and every other number that a verdict rests on.

How a cause looks from outside, and how common it is, stands in `signatures.py`. Weights are nats: natural logarithms of
likelihood ratios, so that 0.7 doubles the odds and 2.3 makes them tenfold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bot.domain.catalogue import Kind, Side

# ---------------------------------------------------------------- what moved, and what stayed quiet

PRIOR_SPREAD = 0.5  # 1: a cause's share is dealt among all places it could sit at; 0: each place has it in full
QUIET_RATE = 0.02  # how often a series leaves its usual range for no reason of ours
DECAY = 0.7  # of a cause's effect, a hop along the topology
TEMPER = 0.5  # telemetry repeats itself: each further sign counts half, or naive Bayes is wildly sure
PLAIN_SIGMAS = 8.0  # a departure so far off counts in full; one that is barely open counts less
ARGUABLE = 0.3  # a silence less surprising than this argues nothing: hundreds of such crumbs would drown the rest
PATIENCE = timedelta(minutes=5)  # what should follow has this long before its silence counts
UNSEEN_ROOT = -2.5  # nats against a cause that shows nothing of its own at its root: a guess that fits is no finding

QUIET_BELOW = -3.0  # nats that all silence below the root may cost: many a trouble stays where it is
EMPTY = 0.2  # share of a resource in use, at which it starves nobody
FULL = 0.7  # and from which on it may
LEAST_FILLED = 0.3  # of what a movement is worth, when the resource is as good as empty all the same

# ---------------------------------------------------------------- who came first

LEAD_CAP = 2.0  # nats that timing may be worth: onsets are estimates
LEAD_A_TICK = 0.25  # nats a tick that the root leads by: what comes later may still follow from it
LATE_A_TICK = 0.5  # nats a tick against a root that its symptoms precede: an effect seldom comes before its cause
SAME_TIME_TICKS = 1.0  # nearer than this, nobody came first
ROOT_SIGN = 0.5  # how likely a root must show a kind of signal for its onset to be the root's own
FIRST_OF_ROOT = 0.8  # nats, when what a cause is about moved first of all that moved at its root, or did not
UPSTREAM_FIRST = -3.5  # nats, when something that the root stands on was ill before it
UPSTREAM_TOGETHER = -2.5  # when they began within a tick of each other: either may have been first

DEMAND_ABOVE = -2.5  # nats against a surge at a service whose caller is asked more, too: it came in there
# What shows that a store, or the way to it, is ill.
CARRYING = frozenset({Kind.ERRORS, Kind.LATENCY, Kind.AVAILABILITY, Kind.FALLBACK, Kind.CACHE})
ILL_CARRIER = -3.0  # nats against a fault in the values, when what carries them is ill: then they are defaults
DATED_TICKS = 15  # noticed later than this after it seems to have begun, a movement says little about who came first

# ---------------------------------------------------------------- what people changed

CHANGE_CAP = 4.6  # nats a change at the right place and time may be worth, while the change feed may be incomplete
HELPING_CHANGE_CAP = 1.0  # nats, when the cause can do without one
CHANGE_UNSEEN = 0.4  # of what a change is worth, when nothing is off where it was made
NO_CHANGE = -4.0  # a cause that needs a change, and no such change is known
CHANGE_MEMORY = timedelta(minutes=30)  # changes older than this at the onset do not count
CHANGE_TAU = timedelta(minutes=12)  # what a change is worth falls to a third over this distance from the onset
CHANGE_LATE_TICKS = 3  # how much later than the onset a change may seem: onsets are estimates, changes are polled

# ---------------------------------------------------------------- from scores to a verdict

SETTLED = 0.75  # below this no side is named
MIXED_PENALTY = 5.0  # nats: two independent troubles at once are rare

# ---------------------------------------------------------------- how long a trouble is watched before it is told

SILENCE_TICKS = 4  # series that fell silent together have at least so long, where ticks are far apart
STILL_OFF = 2.5  # sigmas: nearer to its usual than this, a finding only waits for the proof that it is back
BLIP = timedelta(minutes=7)  # what a rollout costs while it happens is over by then
BLIP_REACH = 2  # hops: what was rolled out, its callers and its models

# ---------------------------------------------------------------- which findings belong together

EARLY_TICKS = 2  # a symptom seldom precedes its cause; onsets are estimates, so two ticks of slack
TOGETHER_TICKS = 3  # symptoms of one unseen cause begin within this
ROOT_LATE_TICKS = 5  # how much later than its symptoms a root may seem to begin: onsets are estimates
NEAR_HOPS = 2  # and no farther from each other than this
MAX_HOPS = 4  # farther along the topology, nothing is said to have brought about anything

# How long a trouble takes to show in a kind of signal: age must first exceed what people tolerate, and
# predictions move only when stale values have drifted.
LAGS: dict[Side, timedelta] = {
    Side.INFRASTRUCTURE: timedelta(minutes=10),
    Side.SERVING: timedelta(minutes=90),  # a store that slows down fails its lookups only when they time out
    Side.DATA: timedelta(minutes=90),
    Side.QUALITY: timedelta(minutes=90),
}
# A resource that fills up hurts when it is full, which may take hours: its effects may begin at any time until then.
FILLING = frozenset({Kind.DISK, Kind.MEMORY, Kind.BACKLOG})
SAME_SUBJECT = timedelta(hours=1)  # two things off at one entity are one trouble if they began within this
FILLING_LAG = timedelta(hours=6)
ECHO_SLACK = timedelta(minutes=15)  # what labels tell of a time that is over: onsets are estimates, windows smear
ECHO_WAIT = timedelta(hours=1)  # after the last labels of that time have come; what still is off then is news
INPUTS_LATE = timedelta(minutes=5)  # inputs that move so long after the predictions did are another trouble

# ---------------------------------------------------------------- the rules, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of evidence: what it looks at, what that is worth to a hypothesis, and why."""

    kind: str  # as Reasoning.kind and LedgerLine.kind
    evidence: str
    worth: str
    reason: str


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.0f} minutes"


RULES = (
    Rule(
        kind="prior",
        evidence="how often such a cause is to blame at all",
        worth="logarithm of its share of all troubles, in `signatures.py`, less the more entities it could sit at",
        reason="rare causes need more evidence, and a larger system is not a guiltier one",
    ),
    Rule(
        kind="learnt",
        evidence="what incidents here have taught of such a cause",
        worth="within log 3 either way, about 1.1; in `learning.py`",
        reason="published shares are other people's; a plain sign must outweigh habit",
    ),
    Rule(
        kind="moved",
        evidence="a kind of signal moved that this cause moves",
        worth=f"logarithm of how much likelier that is than by chance ({QUIET_RATE:.0%}), times {TEMPER:g}; "
        f"times {DECAY:g} of the likelihood for each hop after the first; less below {PLAIN_SIGMAS:g} sigma, "
        f"and for a resource that is not {FULL:.0%} full",
        reason="telemetry repeats itself, so that several signs are not as many proofs",
    ),
    Rule(
        kind="quiet",
        evidence="a kind of signal stayed quiet that this cause should move",
        worth=f"the same, against it, after {_minutes(PATIENCE)}; nothing if that was less than {ARGUABLE:.0%} likely; "
        f"{QUIET_BELOW:g} at most for all below the root",
        reason="what should follow needs time to show, and hundreds of crumbs would drown the rest",
    ),
    Rule(
        kind="unseen",
        evidence="nothing was seen at the root itself",
        worth=f"{UNSEEN_ROOT:+g}",
        reason="a guess that fits is no finding",
    ),
    Rule(
        kind="upstream",
        evidence="something that the root stands on was ill before it",
        worth=f"{UPSTREAM_FIRST:+g}; {UPSTREAM_TOGETHER:+g} when they began together; "
        f"less below {PLAIN_SIGMAS:g} sigma",
        reason="what stands on a sick host is sick because of it",
    ),
    Rule(
        kind="order",
        evidence="the root moved before what it can reach, or after it",
        worth=f"{LEAD_A_TICK:+g} a tick that it leads by, {-LATE_A_TICK:+g} a tick that it is late, "
        f"within {LEAD_CAP:g} either way",
        reason="an effect seldom comes before its cause, but onsets are estimates",
    ),
    Rule(
        kind="first",
        evidence="of what moved at the root, what the cause is about moved first, or did not",
        worth=f"{FIRST_OF_ROOT:+g} or {-FIRST_OF_ROOT:+g}",
        reason="replicas go, then answers are slow; a slow service loses replicas later",
    ),
    Rule(
        kind="ill",
        evidence="a store that carries the values fails or waits, or a model falls back to defaults",
        worth=f"{ILL_CARRIER:g} against a fault in the values; less below {PLAIN_SIGMAS:g} sigma",
        reason="lookups that fail turn good values into defaults",
    ),
    Rule(
        kind="demand",
        evidence="a caller of the service is asked more, too",
        worth=f"{DEMAND_ABOVE:g} against a surge that begins at the service",
        reason="requests come in at the top",
    ),
    Rule(
        kind="change",
        evidence="a change of the right kind at the root, shortly before the onset",
        worth=f"up to {CHANGE_CAP:+g}, or {HELPING_CHANGE_CAP:+g} where the cause can do without one; "
        f"falls to a third in {_minutes(CHANGE_TAU)}, to nothing after {_minutes(CHANGE_MEMORY)}; "
        f"{CHANGE_UNSEEN:.0%} of it when nothing is off where the change was made",
        reason="most changes are innocent, and the nearest is likelier to blame",
    ),
    Rule(
        kind="change",
        evidence="a cause that needs such a change, and none is known",
        worth=f"{NO_CHANGE:+g}",
        reason="a version or a deploy cannot hurt unless it came, but not every change may be known",
    ),
    Rule(
        kind="mixed",
        evidence="two causes at once, one of each side",
        worth=f"{-MIXED_PENALTY:+g}, and more than the best alone by the logarithm of how many places moved",
        reason="two independent troubles at once are rare, and two causes always explain more than one",
    ),
)
