"""The scorer of verdicts: what it counts, by hand-made cases whose figures can be worked out in the head."""

import json
import math

import pytest

from bot.bench.verdicts import figures
from bot.bench.verdicts.matching import Case, Guess, Trouble, assigned, guess_of, series_id
from bot.bench.verdicts.run import folder_jobs, report, scored, truth_of
from bot.errors import BadInputError
from bot.world.corpus.write import record_family

SERIES = (series_id("cpu", "n-1", {}),)


def trouble(side="model", *, said="model", model=0.9, subcause="bad_version", **more):
    given = {
        "family": "f",
        "recording": "r",
        "side": side,
        "subcause": "bad_version",
        "entities": ("fraud",),
        "series": SERIES,
        "guess": Guess(side=said, subcauses=(subcause,), entity="fraud", model=model, suspects=SERIES),
        "others": {},
        "incidents": 1,
        "delay_ticks": 2.0,
    }
    return Trouble(**{**given, **more})


def case(*troubles, days=1.0, false=0):
    return Case(
        recording="r", family="f", days=days, series=10, samples=1000, seconds=2.0, troubles=troubles, false=false,
        messages=(5,) * len(troubles),
    )  # fmt: skip


def incident(opened, *, cause="model", entity="fraud", subcause="bad_version", id_="i"):
    return {
        "id": id_,
        "opened": opened,
        "cause": cause,
        "subcause": subcause,
        "entity": entity,
        "probability": {"model": 0.8, "infrastructure": 0.2},
        "suspects": [{"signal": "cpu", "entity": "n-1", "labels": {}}],
    }


TRUTH = [
    {"start": 1000, "end": 2000, "cause": "model", "subcause": "bad_version", "entities": ["fraud"], "series": []},
    {"start": 1500, "end": 2500, "cause": "infrastructure", "subcause": "network", "entities": ["n-1"], "series": []},
]


def test_an_incident_tells_of_the_trouble_it_names_and_a_mixed_one_of_both():
    told = assigned(
        [incident(1600, id_="a"), incident(1700, entity="n-1", cause="infrastructure", id_="b")], TRUTH, step_s=60
    )
    assert {number: [one["id"] for one in some] for number, some in told.items()} == {0: ["a"], 1: ["b"]}

    both = assigned([incident(1600, cause="mixed")], TRUTH, step_s=60)
    assert [len(some) for some in both.values()] == [1, 1]


@pytest.mark.parametrize("opened", [pytest.param(700, id="long before"), pytest.param(6200, id="long after")])
def test_what_opens_at_another_time_tells_of_nothing(opened):
    assert not any(assigned([incident(opened)], TRUTH, step_s=60).values())


def test_an_abstention_and_a_silence_are_misses_and_a_wrong_side_costs_both_sides():
    right, wrong = trouble(), trouble(said="infrastructure")
    infra = trouble(side="infrastructure", said="infrastructure")

    assert figures.f1([case(right, infra)]) == 1.0
    # model: 1 of 2 found, 1 named: 2/3; infrastructure: 1 of 1 found, 2 named: 2/3
    assert figures.f1([case(right, wrong, infra)]) == pytest.approx(2 / 3)
    for missed in (trouble(said=""), trouble(guess=None)):
        # model: 1 of 2 found, 1 named: 2/3; infrastructure: 1
        assert figures.f1([case(right, missed, infra)]) == pytest.approx((2 / 3 + 1) / 2)


def test_the_calibration_error_is_how_far_sureness_is_from_being_right():
    sure = [trouble(model=0.8) for _ in range(4)] + [trouble(side="infrastructure", said="model", model=0.8)]

    assert figures.calibration([case(*sure)]) == pytest.approx(0.0)
    assert figures.calibration([case(*sure[:4])]) == pytest.approx(0.2)


def test_counts_a_day_a_trouble_and_in_ticks():
    cases = [case(trouble(), days=2.0, false=1), case(trouble(incidents=3, delay_ticks=6.0), days=2.0)]

    assert figures.false_a_day(cases) == 0.25
    assert figures.incidents_a_trouble(cases) == 2.0
    assert figures.delay(cases) == 4.0
    assert figures.speed(cases) == 500.0
    assert figures.root_series([case(trouble(), trouble(guess=None), trouble(series=()))]) == 0.5
    assert math.isnan(figures.detected([]))


def test_shuffled_truths_earn_about_what_knowing_nothing_earns():
    known = [case(trouble(), trouble(side="infrastructure", said="infrastructure", model=0.1)) for _ in range(30)]

    assert figures.f1(known) == 1.0
    assert 0.35 < figures.shuffled(known) < 0.65


def test_intervals_hold_the_figure_and_shrink_to_it_without_doubt():
    mixed = [case(trouble()) if number % 3 else case(trouble(guess=None)) for number in range(30)]
    low, high = figures.interval(mixed, figures.detected)

    assert low < figures.detected(mixed) < high
    assert figures.interval([case(trouble())], figures.detected) == [1.0, 1.0]


def test_an_undetermined_verdict_is_read_as_an_abstention():
    assert guess_of(incident(0, cause="undetermined", subcause="a,b")).side == ""
    assert guess_of(incident(0)).subcauses == ("bad_version",)


def test_a_recording_is_scored_from_its_folder(tmp_path):
    record_family(tmp_path / "store_down-4", family="store_down", seed=4)

    found = scored(tmp_path / "store_down-4", family="store_down")

    [one] = found.troubles
    assert one.guess.side == "infrastructure"
    assert set(one.others) == {"loudest z-score wins", "latest change wins", "first onset wins"}
    assert found.days == pytest.approx(load_hours(tmp_path / "store_down-4") / 2 / 24, abs=0.01)  # half is learnt from
    assert folder_jobs([tmp_path / "store_down-4"])[0].family == "store_down"
    assert json.dumps(report([found], ours=True))


def load_hours(folder):
    from bot.sources.recording import load_recording

    times = load_recording(folder).times_s
    return (times[-1] - times[0]) / 3600


def test_a_folder_without_truth_cannot_be_scored_and_a_bad_line_is_named(tmp_path):
    with pytest.raises(BadInputError, match=r"truth\.jsonl: is not there"):
        truth_of(tmp_path)
    (tmp_path / "truth.jsonl").write_text('\n{"start": 1}\n')
    with pytest.raises(BadInputError, match=r"truth\.jsonl: row 2"):
        truth_of(tmp_path)
