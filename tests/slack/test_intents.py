"""Reading what people type: every text is an intent or names the right form, and nothing raises."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.labels import Matcher, MatchOp
from bot.errors import BadInputError
from bot.slack.intents import DoSilence, Explain, Rollback, Unsilence, Wrong, parse, parse_duration
from bot.slack.render.answers import FORMS, render_help
from bot.slack.render.validate import faults


@pytest.mark.parametrize(
    ("command", "text", "intent"),
    [
        pytest.param(
            "/faultline",
            'silence {model="fraud", entity=~"n-0.*"} 4h known drift',
            DoSilence(
                (Matcher("model", MatchOp.EQUAL, "fraud"), Matcher("entity", MatchOp.REGEX, "n-0.*")),
                timedelta(hours=4),
                "known drift",
            ),
            id="braces and spaces",
        ),
        pytest.param(
            "/silence",
            'window="1h" 30m twice a day',
            DoSilence((Matcher("window", MatchOp.EQUAL, "1h"),), timedelta(minutes=30), "twice a day"),
            id="a quoted duration is a value",
        ),
        pytest.param(
            "/silence",
            "team=\u201ca&amp;b\u201d 1d drill",
            DoSilence((Matcher("team", MatchOp.EQUAL, "a&b"),), timedelta(days=1), "drill"),
            id="curly quotes and entities",
        ),
        pytest.param("/rollback", '"credit risk" to version 3', Rollback("credit risk", "3"), id="words between"),
        pytest.param("/faultline", "EXPLAIN `inc-7f3a`", Explain("inc-7f3a"), id="backticks, capitals"),
        pytest.param("/faultline", "unsilence #sil-1", Unsilence("sil-1"), id="hash"),
    ],
)
def test_commands_are_understood(command, text, intent):
    assert parse(command, text) == intent


@pytest.mark.parametrize("text", ["", "4", "h", "-1h", "0m", "1h 30m", "8d", "1.5h", "99999999h"])
def test_durations_out_of_form_or_range_are_refused(text):
    with pytest.raises(BadInputError):
        parse_duration(text)


@given(st.sampled_from(["/faultline", "/silence", "/rollback"]), st.text(max_size=200))
def test_no_text_breaks_the_parser_and_every_complaint_renders(command, text):
    intent = parse(command, text)

    if isinstance(intent, Wrong):
        assert intent.form is None or intent.form in FORMS
        assert faults(render_help(intent.problem, intent.form)) == []
