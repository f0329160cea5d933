"""The report of a replay for people: its lines, its folder and its picture."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from matplotlib.image import imread

from bot.domain.change import ChangeKind
from bot.domain.incident import Severity, State
from bot.domain.notice import HeldBy
from bot.domain.verdict import Cause, Reasoning, Subcause, Suspect, Verdict
from bot.errors import BadInputError
from bot.replay.folder import check_folder, subfolder, write_report
from bot.replay.picture import SIDES, draw_timeline
from bot.replay.report import BlindSpell, ReplayReport, Unlike
from tests.app.builders import AUC, BAD_VERSION, DISK, FULL_DISK, HOUR, MINUTE, T0, change, incident

DAY = timedelta(days=1)
WEEK = 7 * DAY


def settled(name, verdict, *, at, lasts=HOUR, **changes):
    return incident(name, verdict=verdict, at=at, state=State.RESOLVED, resolved=at + lasts, **changes)


UNSURE = Verdict(
    cause=Cause.UNDETERMINED,
    subcauses=(Subcause.NETWORK, Subcause.COVARIATE_DRIFT),
    entity="",
    model_probability=0.55,
)
BOTH = Verdict(
    cause=Cause.MIXED, subcauses=(Subcause.BAD_VERSION, Subcause.DISK_SATURATION), entity="fraud", model_probability=0.7
)
DISK_ARGUED = replace(
    FULL_DISK,
    suspects=(Suspect(key=DISK, onset=T0, score=0.8),),
    reasoning=tuple(Reasoning(text=f"reason {n}", weight=3.0 - n) for n in range(7)),
)


def report(*incidents, **changes):
    told = incidents or (settled("inc-1", DISK_ARGUED, at=T0),)
    days = {}
    for one in told:
        days[one.opened.date()] = days.get(one.opened.date(), 0) + 4
    return replace(
        ReplayReport(
            recording="last week",
            ticks=11_520,
            series=212,
            seconds=12.34,
            incidents=told,
            messages={one.id: 4 for one in told},
            begin=T0 - DAY,
            end=T0 + 6 * DAY,
            days=days,
        ),
        **changes,
    )


def test_an_incident_is_told_with_when_which_side_how_sure_root_reasons_advice_and_its_messages():
    said = report().text().splitlines()

    at = said.index("1. 2026-11-23 10:30 to 11:30  infrastructure: a full disk on n-04 (90%)")
    assert said[at + 1 : at + 9] == [
        "     inc-1, critical, began 10:28, 4 messages",
        "     root: node_disk_used_ratio of n-04",
        "     for the model         3.0  reason 0",
        "     for the model         2.0  reason 1",
        "     for the model         1.0  reason 2",
        "     for infrastructure    0.0  reason 3",
        "     for infrastructure    1.0  reason 4",
        "     rollback not advised: the cause is infrastructure",
    ]


def test_messages_are_counted_in_all_and_a_day():
    two = (settled("inc-1", FULL_DISK, at=T0), settled("inc-2", BAD_VERSION, at=T0 + 2 * DAY))

    said = report(*two).text().splitlines()

    assert said[2] == "Told: 2 incidents, 8 messages: 4 on 2026-11-23, 4 on 2026-11-25, none on 6 other days"


def test_what_was_held_back_changes_and_blind_spots_are_told():
    spell = BlindSpell(source="prom", because="cannot be reached", signals=("auc",), start=T0, end=T0 + HOUR)
    changes = (change(), change(kind=ChangeKind.DEPLOY), change(at=T0 + HOUR))

    said = report(
        held={HeldBy.DEBOUNCE: 12, HeldBy.LOW_SEVERITY: 3},
        blind=(spell,),
        changes=changes,
        unlike=Unlike(sources=("mlflow: keeps no history",), learnt_little="the first sample is of today"),
    ).text()

    assert said.splitlines()[-5:] == [
        "Seen and not told: 12 over before it was worth a message, 3 of low severity, which call nobody",
        "Changes known: 2 config, 1 deploy",
        "Not to be seen: 2026-11-23 10:30 to 11:30  prom (auc): cannot be reached",
        "Not replayed: mlflow: keeps no history",
        "Learnt little: the first sample is of today",
    ]


def test_a_quiet_week_is_told_as_one():
    said = report(incidents=(), messages={}, days={}).text()

    assert "Told: 0 incidents, 0 messages: none on 8 days" in said
    assert "Seen and not told: nothing" in said


def test_names_from_outside_break_no_line_of_the_report():
    loud = replace(FULL_DISK, entity="n\x1b[2J\n1. fake")

    said = report(settled("inc-1", loud, at=T0)).text()

    assert "\x1b" not in said
    assert len([line for line in said.splitlines() if line.startswith("1. ")]) == 1


# ---------------------------------------------------------------- the folder


def test_a_folder_holds_the_text_the_json_and_the_picture(tmp_path):
    write_report(report(), tmp_path / "out")

    held = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert sorted(held) == ["report.json", "report.txt", "timeline.png"]
    assert json.loads(held["report.json"]) == report().as_json()
    assert held["report.txt"].decode() == report().text() + "\n"
    assert held["timeline.png"].startswith(b"\x89PNG")


def test_an_older_replay_there_is_replaced_whole_and_its_picture_does_not_stay_behind(tmp_path):
    write_report(report(), tmp_path)
    write_report(report(begin=None, end=None, incidents=(), messages={}), tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "report.txt"]
    assert json.loads((tmp_path / "report.json").read_text())["incidents"] == []


def test_two_recordings_of_one_name_get_a_folder_each(tmp_path):
    taken: set[str] = set()

    assert [subfolder(tmp_path, name, taken).name for name in ("a", "b", "a", "a")] == ["a", "b", "a-2", "a-3"]


def test_a_place_that_cannot_be_a_folder_is_told_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(BadInputError, match=r"--out .*file: cannot be a folder"):
        check_folder(tmp_path / "file")


# ---------------------------------------------------------------- the picture


def busy():
    """A week with one of everything."""
    return report(
        settled("inc-1", FULL_DISK, at=T0 - 20 * HOUR, lasts=5 * HOUR),
        settled("inc-2", BAD_VERSION, at=T0 + 1 * DAY, lasts=9 * HOUR),
        settled("inc-3", UNSURE, at=T0 + 2 * DAY, lasts=20 * MINUTE, severity=Severity.WARNING),
        settled("inc-4", BOTH, at=T0 + 3 * DAY, lasts=6 * HOUR),
        settled("inc-5", None, at=T0 + 4 * DAY, lasts=MINUTE),
        incident("inc-6", at=T0 + 5.6 * DAY),
        changes=(
            *(change(at=T0 + n * 17 * HOUR, kind=ChangeKind.DEPLOY) for n in range(8)),
            change("fraud", at=T0 + 1 * DAY - 3 * MINUTE, kind=ChangeKind.MODEL_VERSION, from_="3", to="4"),
            change(at=T0 + 3 * DAY),
        ),
        blind=(
            BlindSpell(source="prom", because="down", signals=(), start=T0 + 30 * HOUR, end=T0 + 36 * HOUR),
            BlindSpell(source="prom", because="down", signals=("auc",), start=T0 + 5 * DAY, end=T0 + 5 * DAY),
        ),
    )


def pixels(png: bytes):
    return (imread(io.BytesIO(png))[:, :, :3] * 255).round().astype(int)


def shows(image, colour: str) -> bool:
    wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return bool((np.abs(image - wanted).max(axis=2) <= 3).any())


def test_each_side_has_a_lane_in_its_colour():
    image = pixels(draw_timeline(busy()))

    assert {cause: shows(image, colour) for cause, (colour, _) in SIDES.items()} == dict.fromkeys(SIDES, True)


def test_a_side_that_was_not_at_fault_is_not_in_the_picture():
    image = pixels(draw_timeline(report(settled("inc-1", BAD_VERSION, at=T0))))

    assert shows(image, SIDES[Cause.MODEL][0])
    assert not shows(image, SIDES[Cause.INFRASTRUCTURE][0])


def test_the_picture_grows_with_its_lanes_and_not_without_end():
    def height(incidents):
        return pixels(draw_timeline(report(*incidents))).shape[0]

    some = [settled(f"inc-{n}", FULL_DISK, at=T0 + n * HOUR) for n in range(120)]

    assert height(some[:2]) < height(some[:10]) < height(some[:50]) == height(some)


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(report(incidents=(), messages={}, days={}), id="nothing to tell"),
        pytest.param(report(begin=T0, end=T0), id="one tick"),
        pytest.param(
            report(settled("inc-1", replace(FULL_DISK, entity="$n_{x}^$ 日本 \x00"), at=T0)), id="a name of mathematics"
        ),
        pytest.param(report(settled("inc-1", FULL_DISK, at=T0 - 2 * DAY)), id="opened before the span"),
        pytest.param(report(settled("inc-1", replace(FULL_DISK, entity="n" * 400), at=T0)), id="a long name"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_an_odd_replay_is_drawn_too(odd):
    assert draw_timeline(odd).startswith(b"\x89PNG")


def test_without_a_tick_there_is_no_picture():
    assert draw_timeline(report(begin=None, end=None)) is None


def test_the_numbers_of_json_do_not_depend_on_the_rest():
    plain = ReplayReport(recording="r", ticks=1, series=1, seconds=0.0, incidents=(), messages={})

    assert list(report().as_json()) == list(plain.as_json())
    assert report().as_json()["incidents"][0]["suspects"][0]["signal"] == DISK.signal != AUC.signal
