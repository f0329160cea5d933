"""The index gives each series a row once and for good."""

from bot.domain.series import SeriesIndex, SeriesKey

A, B = SeriesKey("cpu", "n-01"), SeriesKey("cpu", "n-02", (("core", "0"),))


def test_a_row_once_given_stays():
    index = SeriesIndex([A])

    rows = [index.row(B), index.row(A), index.row(B)]

    assert rows == [1, 0, 1]
    assert (list(index), len(index), index[1]) == ([A, B], 2, B)


def test_asking_whether_a_series_is_known_gives_it_no_row():
    index = SeriesIndex([A])

    assert (A in index, B in index, len(index)) == (True, False, 1)


def test_a_series_reads_as_a_person_would_say_it():
    assert [str(one) for one in (A, B)] == ["cpu of n-01", 'cpu of n-02 {"core": "0"}']


def test_matchers_see_the_series_name_and_never_a_label_that_poses_as_it():
    posing = SeriesKey("cpu", "n-01", (("entity", "fraud"), ("signal", "auc")))

    assert posing.matchable() == {"signal": "cpu", "entity": "n-01"}
