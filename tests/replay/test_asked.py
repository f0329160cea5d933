"""What a person may write after --from and --to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.errors import BadInputError
from bot.replay.asked import span_of

NOW = datetime(2026, 9, 21, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("from_", "to", "begin", "end"),
    [
        pytest.param("2026-09-14", "2026-09-15", "2026-09-14T00:00", "2026-09-15T00:00", id="dates"),
        pytest.param("2026-09-14T08:30", None, "2026-09-14T08:30", "2026-09-21T12:30", id="until now"),
        pytest.param("2026-09-14T08:30Z", "2026-09-14 09:00:30", "2026-09-14T08:30", "2026-09-14T09:00:30", id="UTC"),
        pytest.param("2026-09-14T08:30+02:00", "1d", "2026-09-14T06:30", "2026-09-20T12:30", id="another zone"),
        pytest.param("7d", None, "2026-09-14T12:30", "2026-09-21T12:30", id="a week"),
        pytest.param("36h", "1h30m", "2026-09-20T00:30", "2026-09-21T11:00", id="two lengths"),
        pytest.param(" 1w ", "0s", "2026-09-14T12:30", "2026-09-21T12:30", id="spaces"),
    ],
)
def test_a_span_is_two_moments_however_they_are_written(from_, to, begin, end):
    span = span_of(from_, to, now=NOW)

    assert [one.replace(tzinfo=None) for one in (span.begin, span.end)] == [
        datetime.fromisoformat(begin),
        datetime.fromisoformat(end),
    ]
    assert span.begin.utcoffset() == span.end.utcoffset() == NOW.utcoffset()


@pytest.mark.parametrize(
    ("from_", "to", "because"),
    [
        pytest.param("last week", None, "--from 'last week' is no moment: write a date", id="words"),
        pytest.param("", None, "--from '' is no moment", id="nothing"),
        pytest.param("7", None, "--from '7' is no moment", id="no unit"),
        pytest.param("-7d", None, "--from '-7d' is no moment", id="negative"),
        pytest.param("2026-02-30", None, "--from '2026-02-30' is no moment", id="no such day"),
        pytest.param("1d", "tomorrow", "--to 'tomorrow' is no moment", id="the other end"),
        pytest.param("999999w", None, "--from '999999w' is no moment", id="longer than time"),
        pytest.param("0001-01-01T00:00+14:00", None, "--from '0001-01-01T00:00+14:00' is no moment", id="before time"),
        pytest.param("0226-09-14", None, "--from 0226-09-14T00:00:00+00:00 lies before the year 2000", id="a slip"),
        pytest.param("2026-09-22", None, "--from 2026-09-22T00:00Z lies in the future", id="future"),
        pytest.param("1d", "2026-09-22", "--to 2026-09-22T00:00Z lies in the future", id="future end"),
        pytest.param("1d", "2d", "is not before --to", id="the wrong way round"),
        pytest.param("2026-09-14", "2026-09-14", "a date means its midnight in UTC", id="one day named twice"),
        pytest.param("400d", None, "the span holds 400 days; at most 366", id="longer than a year"),
        pytest.param("x" * 500, None, "is no moment", id="very long"),
    ],
)
def test_what_is_no_span_is_told_in_one_short_line(from_, to, because):
    with pytest.raises(BadInputError, match=r"^--|^the span") as told:
        span_of(from_, to, now=NOW)

    assert because in str(told.value)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 250
