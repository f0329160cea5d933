"""Matchers: what a person writes is what is matched, and what cannot be read is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.labels import MAX_PATTERN, Matcher, MatchOp, all_match, labels_json, labels_of, parse_matchers
from bot.errors import BadInputError

EQUAL, UNEQUAL, REGEX, NOT_REGEX = MatchOp
PLAIN = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=30).filter(
    lambda text: "\u201c" not in text and "\u201d" not in text
)


@pytest.mark.parametrize(
    ("op", "value", "found", "holds"),
    [
        pytest.param(EQUAL, "fraud", "fraud", True, id="equal"),
        pytest.param(EQUAL, "fraud", "fraud-2", False, id="equal is whole"),
        pytest.param(UNEQUAL, "fraud", "churn", True, id="unequal"),
        pytest.param(UNEQUAL, "fraud", "fraud", False, id="unequal to itself"),
        pytest.param(REGEX, "n-0.", "n-04", True, id="pattern"),
        pytest.param(REGEX, "n-0.", "n-041", False, id="anchored at the end"),
        pytest.param(REGEX, "0.", "n-04", False, id="anchored at the start"),
        pytest.param(REGEX, "a|b", "ab", False, id="anchored around alternatives"),
        pytest.param(NOT_REGEX, "n-0.", "n-14", True, id="not the pattern"),
        pytest.param(NOT_REGEX, "n-0.", "n-04", False, id="the pattern after all"),
    ],
)
def test_a_matcher_holds_for_a_value(op, value, found, holds):
    assert Matcher("node", op, value).matches({"node": found}) is holds


@pytest.mark.parametrize(
    ("op", "value", "holds"),
    [
        pytest.param(EQUAL, "", True, id="equal to nothing"),
        pytest.param(UNEQUAL, "x", True, id="unequal to something"),
        pytest.param(REGEX, ".+", False, id="a pattern that wants something"),
        pytest.param(REGEX, ".*", True, id="a pattern that takes anything"),
    ],
)
def test_a_label_that_is_absent_counts_as_empty(op, value, holds):
    assert Matcher("node", op, value).matches({}) is holds


def test_all_conditions_must_hold():
    both = parse_matchers("model=fraud kind=cpu")

    assert all_match(both, {"model": "fraud", "kind": "cpu"})
    assert not all_match(both, {"model": "fraud", "kind": "disk"})


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        pytest.param("model=fraud", [("model", EQUAL, "fraud")], id="bare"),
        pytest.param('model="fraud"', [("model", EQUAL, "fraud")], id="quoted"),
        pytest.param("model=\u201cfraud\u201d", [("model", EQUAL, "fraud")], id="curly quotes, as Slack writes them"),
        pytest.param('{model="fraud"}', [("model", EQUAL, "fraud")], id="in braces"),
        pytest.param(' model != "a b" ', [("model", UNEQUAL, "a b")], id="with spaces"),
        pytest.param('node=~"n-0.*"', [("node", REGEX, "n-0.*")], id="pattern"),
        pytest.param("node!~n-0.*", [("node", NOT_REGEX, "n-0.*")], id="not a pattern, bare"),
        pytest.param('a="x, y", b=z', [("a", EQUAL, "x, y"), ("b", EQUAL, "z")], id="a comma inside and one between"),
        pytest.param("a=x b=y", [("a", EQUAL, "x"), ("b", EQUAL, "y")], id="without commas"),
        pytest.param('a="say \\"hi\\""', [("a", EQUAL, 'say "hi"')], id="escaped quotes"),
        pytest.param('a=""', [("a", EQUAL, "")], id="the empty value"),
        pytest.param("entity=fraud/velocity", [("entity", EQUAL, "fraud/velocity")], id="a part of a model"),
    ],
)
def test_what_a_person_writes_is_read(text, matchers):
    assert [(one.name, one.op, one.value) for one in parse_matchers(text)] == matchers


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "no matcher given", id="nothing"),
        pytest.param("{}", "no matcher given", id="empty braces"),
        pytest.param("fraud", "cannot read a matcher at 'fraud'", id="a word"),
        pytest.param("model=fraud and more", "cannot read a matcher at 'and more'", id="words behind"),
        pytest.param('model="fraud', "cannot read a matcher at", id="an open quote"),
        pytest.param('node=~"n-("', "is not a regular expression", id="a broken pattern"),
        pytest.param('node=~"(a+)+"', "too complicated", id="nested repeats"),
        pytest.param(f'node=~"{"a" * (MAX_PATTERN + 1)}"', "too complicated", id="too long a pattern"),
    ],
)
def test_what_cannot_be_read_is_said(text, words):
    with pytest.raises(BadInputError) as refused:
        parse_matchers(text)

    assert words in str(refused.value)


def test_a_long_plain_value_is_no_pattern():
    assert Matcher("node", EQUAL, "(a+)+" * 100).matches({"node": "(a+)+" * 100})


@given(
    op=st.sampled_from([EQUAL, UNEQUAL]),
    name=st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,9}\Z"),
    value=PLAIN,
)
def test_a_matcher_that_is_written_out_reads_back_the_same(op, name, value):
    matcher = Matcher(name, op, value)

    assert parse_matchers(str(matcher)) == (matcher,)


def test_label_sets_are_equal_whatever_their_order():
    assert labels_of({"b": "2", "a": "1"}) == labels_of([("a", "1"), ("b", "2")]) == (("a", "1"), ("b", "2"))


def test_labels_are_written_sorted_and_as_they_are():
    assert labels_json((("b", "2"), ("a", "ü"))) == '{"a": "ü", "b": "2"}'


def test_a_pattern_with_a_backslash_is_read_as_written():
    (one,) = parse_matchers(r'node=~"n-\d+"')

    assert one.matches({"node": "n-04"})


def test_a_double_equals_sign_is_not_read_as_a_value():
    with pytest.raises(BadInputError):
        parse_matchers("model==fraud")


@pytest.mark.parametrize(
    "pattern", ["((a+))+", "(a|a)*b", "(a?){30}", "(?P<x>a+)+", "(?:a+)+", "a*a*a*a*a*b", "(?=a)b"]
)
def test_a_pattern_that_could_take_for_ever_is_too_complicated(pattern):
    with pytest.raises(BadInputError, match="too complicated"):
        parse_matchers(f'node=~"{pattern}"')


@pytest.mark.parametrize("pattern", ["n-0[1-4]", "(fraud|ranking)", "a.*b.*", "(?:n|m)-01", "x?y{2}"])
def test_what_people_write_is_not_too_complicated(pattern):
    [matcher] = parse_matchers(f'node=~"{pattern}"')
    assert matcher.value == pattern
