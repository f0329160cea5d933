"""How much of what is false the verifier catches, and how much of what is true it refuses.

    python -m tests.benchmarks.grounding [--half reported] [--count 1500] [--seed 2026]

Prints JSON. The figures that documents quote come from the half called "reported", which shares no phrase, no cause
and no invented name with the half that the rules were tuned on.
"""

import argparse
import json

from bot.llm.verifier import claim_fault
from tests.llm.corpus import KINDS, cases


def refused(kind, half, *, count, seed):
    """The share of the cases of a kind that the verifier drops."""
    dropped = sum(
        claim_fault(case.claim, case.pack, case.chosen) is not None
        for case in cases(kind, half, count=count, seed=seed)
    )
    return dropped / count


def measure(half, *, count, seed):
    return {
        "half": half,
        "seed": seed,
        "n_a_kind": count,
        "caught": {kind: round(refused(kind, half, count=count, seed=seed), 4) for kind in KINDS},
        "false_refusals": round(refused("true", half, count=count, seed=seed), 4),
    }


def main():
    parser = argparse.ArgumentParser(description="Measure the verifier of explanations.")
    parser.add_argument("--half", choices=("tuning", "reported"), default="reported")
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=2026)
    told = parser.parse_args()
    print(json.dumps(measure(told.half, count=told.count, seed=told.seed), indent=2))


if __name__ == "__main__":
    main()
