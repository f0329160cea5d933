"""What is held between ticks: it survives saving and restoring without a loss, and it never reads what is not its own."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from bot.domain.catalogue import Kind
from bot.domain.change import Change, ChangeKind
from bot.domain.series import Frame, History, Samples, SeriesKey
from bot.watch import PLOT_BEFORE, SNAPSHOT_VERSION, Watch, version_text
from tests.app.builders import AUC, CATALOGUE, DISK, HOUR, LATENCY, MINUTE, T0, VERSION, finding
from tests.app.plant import usual

SERIES = usual()


def learnt(*, hours=2, series=SERIES, until=T0, watch=None):
    """A watch that has seen so many hours, up to and without `until`."""
    watch = watch or Watch(CATALOGUE)
    rows = np.array([watch.index.row(key) for key in series], dtype=np.int64)
    times = [until - minute * MINUTE for minute in range(hours * 60, 0, -1)]
    values = np.array([[value(at) for value in series.values()] for at in times]).reshape(-1, len(series))
    watch.warm(History(times_s=np.array([at.timestamp() for at in times]), rows=rows, values=values))
    return watch


def column(watch, at, **instead):
    """One column of usual samples; by signal, what to put instead."""
    values = [instead.get(key.signal, SERIES[key](at)) for key in watch.index]
    return Frame(time_s=at.timestamp(), values=np.array(values, dtype=float))


def observed(watch, minutes, **instead):
    """Judge so many columns from T0 on; returns the last judgements."""
    for minute in range(minutes):
        judgements, _ = watch.observe(column(watch, T0 + minute * MINUTE, **instead))
    return judgements


def restored(blob):
    watch = Watch(CATALOGUE)
    watch.restore(blob)
    return watch


def snapshot(watch, *, head=None, **arrays):
    """A saved state with something replaced."""
    with np.load(io.BytesIO(watch.save()), allow_pickle=False) as saved:
        parts = {name: saved[name] for name in saved.files}
    if head is not None:
        known = json.loads(bytes(parts["head"]))
        parts["head"] = np.frombuffer(json.dumps({**known, **head}).encode(), dtype=np.uint8)
    blob = io.BytesIO()
    np.savez_compressed(blob, **{**parts, **arrays})
    return blob.getvalue()


# ---------------------------------------------------------------- saving


def test_saving_and_restoring_changes_nothing():
    watch = learnt()
    observed(watch, 5, auc=0.70)

    again = restored(watch.save())

    assert again.save() == watch.save()
    assert (list(again.index), again.last_time_s, again.versions) == (
        list(watch.index),
        watch.last_time_s,
        {"fraud": "3"},
    )


def test_a_restored_watch_judges_as_the_old_one_would_have():
    watch = learnt()
    observed(watch, 3, auc=0.70)
    again = restored(watch.save())
    following = column(watch, T0 + 3 * MINUTE, auc=0.71)

    old, _ = watch.observe(following)
    new, _ = again.observe(following)

    for name in ("active", "z", "expected", "scale", "onset_s", "kind", "peak"):
        np.testing.assert_array_equal(getattr(new, name), getattr(old, name), err_msg=name)
    assert new.active.any()


def test_whoever_follows_what_serves_goes_on_doing_so_after_a_restore():
    watch = Watch(CATALOGUE)
    followed = watch.versions  # the actor is given it before anything is restored

    watch.restore(learnt().save())

    assert followed == {"fraud": "3"}


def test_a_restored_watch_has_room_for_series_that_appear_later():
    watch = restored(learnt().save())
    watch.index.row(SeriesKey("latency_p99", "scorer", (("zone", "b"),)))

    judgements, _ = watch.observe(Frame(time_s=T0.timestamp(), values=np.full(5, 80.0)))

    assert judgements.judged.tolist() == [True, True, True, True, False]


def test_series_keep_their_labels_through_a_snapshot():
    key = SeriesKey("auc", "fraud", (("region", "eu"), ("ünïcode", 'a"b')))
    watch = learnt(series={key: SERIES[AUC]})

    assert list(restored(watch.save()).index) == [key]


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({"head": {"version": SNAPSHOT_VERSION - 1}}, id="an older version"),
        pytest.param({"head": {"version": SNAPSHOT_VERSION + 1}}, id="a newer version"),
        pytest.param({"head": {"keys": [["auc"]]}}, id="keys of another shape"),
        pytest.param({"bank.version": np.asarray(0)}, id="older detectors"),
        pytest.param({"bank.profile": np.zeros((3, 9))}, id="shapes that disagree"),
    ],
)
def test_a_snapshot_of_another_version_is_refused_and_leaves_the_watch_as_it_was(parts):
    watch = learnt()
    before = watch.save()

    with pytest.raises(ValueError):
        watch.restore(snapshot(watch, **parts))

    assert watch.save() == before


@pytest.mark.parametrize("blob", [b"not one of ours", b'{"version": 1}'], ids=["something else", "JSON"])
def test_what_is_no_archive_is_refused(blob):
    with pytest.raises(ValueError):
        Watch(CATALOGUE).restore(blob)


def test_an_archive_without_a_head_is_refused():
    blob = io.BytesIO()
    np.savez_compressed(blob, something=np.zeros(3))

    with pytest.raises(KeyError):
        Watch(CATALOGUE).restore(blob.getvalue())


# ---------------------------------------------------------------- versions


def version_changes(*values):
    watch = Watch(CATALOGUE)
    row = watch.index.row(VERSION)
    found = []
    for minute, value in enumerate(values):
        samples = np.full(row + 1, value)
        _, changes = watch.observe(Frame(time_s=(T0 + minute * MINUTE).timestamp(), values=samples))
        found += [(one.from_, one.to, (one.time - T0) // MINUTE) for one in changes]
    return found


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        pytest.param([3.0, 3.0], [(None, "3", 0)], id="first sight"),
        pytest.param([3.0, 4.0], [(None, "3", 0), ("3", "4", 1)], id="moved"),
        pytest.param([3.0, np.nan, 3.0], [(None, "3", 0)], id="a gap is no change"),
        pytest.param([3.0, np.nan, 4.0], [(None, "3", 0), ("3", "4", 2)], id="moved across a gap"),
        pytest.param([4.0, 3.0], [(None, "4", 0), ("4", "3", 1)], id="rolled back"),
        pytest.param([np.nan, np.inf], [], id="nothing readable"),
    ],
)
def test_a_version_that_begins_to_serve_is_a_change(values, changes):
    assert version_changes(*values) == changes


def test_a_version_change_says_what_kind_of_change_it_is_and_of_what():
    watch = learnt()

    _, (change,) = watch.observe(column(watch, T0, model_version=4.0))

    assert change == Change(
        time=T0, kind=ChangeKind.MODEL_VERSION, entity="fraud", text="seen in telemetry", from_="3", to="4"
    )


def test_a_version_of_something_that_is_no_model_is_ignored():
    watch = Watch(CATALOGUE)
    watch.index.row(SeriesKey("model_version", "n-04"))

    _, changes = watch.observe(Frame(time_s=T0.timestamp(), values=np.array([3.0])))

    assert (changes, watch.versions) == ((), {})


def test_a_version_told_by_a_series_that_appears_later_is_seen():
    watch = Watch(CATALOGUE)
    watch.index.row(LATENCY)
    watch.observe(Frame(time_s=T0.timestamp(), values=np.array([80.0])))

    watch.index.row(VERSION)
    _, changes = watch.observe(Frame(time_s=(T0 + MINUTE).timestamp(), values=np.array([80.0, 4.0])))

    assert [(change.entity, change.to) for change in changes] == [("fraud", "4")]


def test_after_a_restore_versions_are_read_from_the_restored_rows():
    watch = Watch(CATALOGUE)
    for key in reversed(list(SERIES)):
        watch.index.row(key)
    watch.observe(column(watch, T0 - MINUTE))

    watch.restore(learnt().save())
    _, changes = watch.observe(column(watch, T0, model_version=4.0))

    assert [(change.from_, change.to) for change in changes] == [("3", "4")]


@pytest.mark.parametrize(("value", "text"), [(4.0, "4"), (1.5, "1.5"), (20261123.0, "20261123"), (0.0, "0")])
def test_a_version_reads_as_registries_write_it(value, text):
    assert version_text(value) == text


# ---------------------------------------------------------------- plots


def test_a_plot_shows_gaps_as_gaps():
    watch = learnt()
    observed(watch, 1, auc=np.nan)

    plot = watch.plot(finding())

    assert plot.values[-1] is None
    assert all(value is not None for value in plot.values[:-1])


def test_a_plot_carries_its_baseline_and_the_onset():
    watch = learnt()
    observed(watch, 3)

    plot = watch.plot(finding(usual=0.91, at=T0 + 2 * MINUTE))

    assert (plot.title, plot.unit, plot.expected, plot.onset_s) == (str(AUC), "ratio", 0.91, T0.timestamp())
    assert plot.band == pytest.approx(0.03)
    assert plot.times_s[-1] == (T0 + 2 * MINUTE).timestamp()


def test_a_plot_begins_some_columns_before_the_onset():
    plot = learnt(hours=6).plot(finding(onset=T0 - 30 * MINUTE))

    assert len(plot.times_s) == len(plot.values) == PLOT_BEFORE + 30
    assert plot.times_s[-1] == (T0 - MINUTE).timestamp()


def test_a_plot_of_a_series_that_began_later_starts_with_a_gap():
    watch = learnt(series={DISK: SERIES[DISK]})
    watch.index.row(AUC)
    watch.observe(Frame(time_s=T0.timestamp(), values=np.array([0.61, 0.91])))

    assert watch.plot(finding()).values[-2:] == (None, 0.91)


def test_a_baseline_that_is_not_known_is_drawn_as_nothing_rather_than_as_nan():
    unknown = finding(usual=float("nan"))

    plot = learnt().plot(unknown)

    assert (plot.expected, np.isfinite(plot.band)) == (0.0, True)


def test_a_series_that_was_never_seen_has_no_plot():
    assert learnt(series={DISK: SERIES[DISK]}).plot(finding()) is None


# ---------------------------------------------------------------- what is watched


def test_nothing_is_judged_before_there_is_a_history():
    watch = learnt(hours=0)

    observed(watch, 3)

    assert (watch.judged, watch.watched("fraud"), watch.quiet()) == (0, False, frozenset())


def test_a_model_is_watched_once_one_of_its_series_is_judged():
    watch = learnt(series={AUC: SERIES[AUC], DISK: SERIES[DISK]})

    observed(watch, 1)

    assert (watch.judged, watch.watched("fraud"), watch.watched("churn")) == (2, True, False)


def test_a_series_that_fell_silent_is_not_judged_any_more():
    watch = learnt(series={AUC: SERIES[AUC]})

    observed(watch, 6, auc=np.nan)

    assert (watch.judged, watch.watched("fraud")) == (0, False)


def test_quiet_places_are_those_that_are_seen_and_usual():
    watch = learnt()

    observed(watch, 2, auc=0.70, latency_p99=np.nan)

    # a scrape or two that fail say nothing: the last sample stands
    assert watch.quiet() == {("n-04", Kind.DISK), ("fraud", Kind.VERSION), ("scorer", Kind.LATENCY)}
    assert watch.unseen() == frozenset()


def test_a_place_that_fell_silent_is_unseen_and_not_quiet():
    watch = learnt()

    observed(watch, 8, latency_p99=np.nan)

    assert ("scorer", Kind.LATENCY) not in watch.quiet()
    assert watch.unseen() == {("scorer", Kind.LATENCY)}


def test_before_the_first_column_nothing_is_called_quiet():
    assert learnt().quiet() == frozenset()


def test_a_column_of_what_sources_brought_has_gaps_where_they_brought_nothing():
    watch = learnt()

    frame = watch.frame([Samples(rows=np.array([2]), values=np.array([0.5]))], at=T0)

    np.testing.assert_array_equal(frame.values, [np.nan, np.nan, 0.5, np.nan])
    assert frame.time_s == T0.timestamp()


def test_learning_an_hour_later_still_tells_the_last_time():
    assert learnt(until=T0 + HOUR).last_time_s == (T0 + HOUR - MINUTE).timestamp()


def test_series_have_their_rows_for_good():
    watch = learnt()

    watch.index.row(SeriesKey("auc", "churn"))

    assert [watch.index.row(key) for key in (AUC, LATENCY, DISK, VERSION)] == [0, 1, 2, 3]


# ---------------------------------------------------------------- the budget


def test_a_smaller_budget_of_false_episodes_asks_for_more_evidence():
    """The same columns: what opens an episode at one a day does not at one in three million years."""
    opened = []
    for budget in (1.0, 1e-9):
        watch = learnt(watch=Watch(CATALOGUE, budget=budget))
        opened.append(bool(observed(watch, 6, auc=0.89).active.any()))

    assert opened == [True, False]
