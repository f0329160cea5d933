"""Answers read by their bytes: what the parser would have read, known label sets never parsed again, memory bounded."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.catalogue import Kind, Signal
from bot.domain.series import SeriesIndex
from bot.errors import FaultlineError
from bot.http import HttpClient
from bot.sources import vector_scan
from bot.sources.label_rows import LabelRows
from bot.sources.prometheus import PrometheusSource
from bot.sources.prometheus_answer import NotUnderstoodError, instant
from bot.sources.vector_scan import scan
from tests.sources.loopback import recorded

SIGNAL = Signal(name="requests", kind=Kind.TRAFFIC, query="requests", entity_labels=("model",))
CLIENT = HttpClient("http://in-memory.invalid")
T = 1_700_000_000.123
PATIENT = settings(deadline=None)  # others use the machine too


class Both:
    """The source as it is, and one that parses every answer whole."""

    def __init__(self, *, max_series=50):
        self.quick = PrometheusSource("prom", CLIENT, [SIGNAL], max_series=max_series)
        self.index = SeriesIndex()
        self.quick._rows.attach(self.index)
        self.plain = LabelRows([SIGNAL], max_series=max_series)
        self.plain_index = SeriesIndex()
        self.plain.attach(self.plain_index)

    def read(self, body):
        """What both make of an answer: index, rows, values and flaw, or the error."""
        return outcome(lambda: self._quick(body)), outcome(lambda: self._plain(body))

    def _quick(self, body):
        brought = self.quick._read(SIGNAL, body)
        return list(self.index), brought.rows.tolist(), brought.values, brought.flaw

    def _plain(self, body):
        answer = instant(CLIENT.parsed(body))
        try:
            rows, flaw = self.plain.of(SIGNAL, answer.metrics)
        except TypeError as error:
            raise NotUnderstoodError("the answer holds a label that is not text") from error
        kept = rows >= 0
        return list(self.plain_index), rows[kept].tolist(), answer.values[kept], answer.flaw or flaw


def outcome(act):
    try:
        index, rows, values, flaw = act()
    except (FaultlineError, NotUnderstoodError) as error:
        return type(error), str(error)
    return index, rows, [None if np.isnan(value) else value for value in values.tolist()], flaw


def answer(*series, at=T, compact=True, ascii_only=False, **more):
    result = [{"metric": metric, "value": [at, value]} for metric, value in series]
    told = {"status": "success", "data": {"resultType": "vector", "result": result}, **more}
    separators = (",", ":") if compact else None
    return json.dumps(told, separators=separators, ensure_ascii=ascii_only).encode()


# ---------------------------------------------------------------- the same as parsing

AWKWARD = (
    '"',
    "\\",
    '{"metric":',
    '"]},{"metric":{',
    ',"value":[1700000000.123,"',
    "}",
    "]",
    "é",
    "\u2028",
    "\x01",
    "😀",
)
TEXTS = st.lists(st.sampled_from(AWKWARD) | st.text(st.characters(exclude_categories=["Cs"]), max_size=4), max_size=4)
LABEL_SETS = st.dictionaries(st.sampled_from(["model", "pod", "__name__", 'odd"name']), TEXTS.map("".join), max_size=4)
NUMBERS = (
    st.floats().map(repr)
    | st.integers().map(str)
    | st.decimals(allow_nan=False, allow_infinity=False).map(str)
    | st.sampled_from(["NaN", "+Inf", "-Inf", "0", "-0.0", "1e-400", "1e400", "9" * 400, "49.213090182363224"])
)
NOT_NUMBERS = st.sampled_from(
    [
        "",
        " ",
        "1,2",
        "1_0",
        " 1 ",
        "\u0661",
        "1\n",
        ".5",
        "5.",
        "+1",
        "007",
        "-NaN",
        "-+Inf",
        "1Inf",
        "nan",
        "]",
        '1"',
        "\\",
    ]
)
ADVICE = st.fixed_dictionaries(
    {},
    optional={
        "warnings": st.lists(st.sampled_from(["slow", 'a"]}', '"result":[', *AWKWARD]), max_size=2),
        "infos": st.lists(st.sampled_from(["not a counter?", 'b"]}']), max_size=2),
        "isPartial": st.booleans(),
        "stats": st.just({"seriesFetched": "3", "result": [{"metric": {}, "value": [T, "1"]}]}),
    },
)
FORM = st.fixed_dictionaries({"compact": st.booleans(), "ascii_only": st.booleans()})


@settings(PATIENT)
@given(
    st.lists(st.lists(st.tuples(LABEL_SETS, NUMBERS | NOT_NUMBERS), max_size=6), min_size=1, max_size=4), ADVICE, FORM
)
def test_any_answers_read_as_if_parsed(answers, advice, form):
    both = Both()

    for number, series in enumerate(answers):
        quick, plain = both.read(answer(*series, at=T + number, **form, **advice))
        assert quick == plain


@settings(PATIENT)
@given(st.data())
def test_a_set_that_comes_goes_and_is_shuffled_reads_as_if_parsed(data):
    sets = data.draw(st.lists(LABEL_SETS, min_size=1, max_size=8))
    both = Both(max_series=data.draw(st.sampled_from([2, 50])))

    for number in range(4):
        present = data.draw(st.lists(st.sampled_from(sets), max_size=12))  # with duplicates, in any order
        series = [(one, data.draw(NUMBERS)) for one in present]
        quick, plain = both.read(answer(*series, at=T + number))
        assert quick == plain


@settings(PATIENT, max_examples=400)
@given(st.data())
def test_a_spoilt_answer_is_read_or_refused_as_if_parsed(data):
    good = answer(*(({"model": f"m{number}", "pod": 'a"]}b'}, str(number / 7)) for number in range(3)), infos=["x"])
    both = Both()
    both.read(good)  # so that label sets are known
    begin = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(begin, min(len(good), begin + data.draw(st.sampled_from([0, 1, 4, 80, 999])))))
    instead = data.draw(
        st.binary(max_size=3)
        | st.sampled_from([b'"', b",", b"}", b"]", b'"]}', b'\\"', good[60:140], good[140:150], b"null", b"1", b"\n"])
    )

    quick, plain = both.read(good[:begin] + instead + good[end:])

    assert quick == plain


def vector(*items, kind="vector", more=""):
    return f'{{"status":"success","data":{{"resultType":"{kind}","result":[{",".join(items)}]{more}}}}}'.encode()


ITEM = '{"metric":{"model":"a"},"value":[1700000000,"1"]}'
OTHER = '{"metric":{"model":"b"},"value":[1700000000,"2"]}'


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>", id="a login page"),
        pytest.param(vector(), id="no series"),
        pytest.param(vector(ITEM, OTHER, kind="matrix"), id="another kind"),
        pytest.param(vector(ITEM, ITEM), id="one series twice"),
        pytest.param(vector(ITEM, OTHER.replace("1700000000", "1700000001")), id="two timestamps"),
        pytest.param(vector(ITEM.replace("1700000000", "017")), id="a timestamp that is no JSON"),
        pytest.param(vector(ITEM, OTHER.replace(",", " ,")), id="white space in one series only"),
        pytest.param(vector(ITEM.replace(',"value"', ',\f"value"')), id="white space that JSON does not know"),
        pytest.param(vector(ITEM, OTHER[:-2] + "}]"), id="an end that does not match its beginning"),
        pytest.param(vector(ITEM, '{"value":[1700000000,"2"],"metric":{"model":"b"}}'), id="value first"),
        pytest.param(vector(ITEM, OTHER.replace('"2"]', '"2",3]')), id="more in a value"),
        pytest.param(vector(ITEM, OTHER.replace('"2"]', '"2"],"x":1')), id="more in a series"),
        pytest.param(vector(ITEM, OTHER.replace('"2"', "2")), id="a number that is no text"),
        pytest.param(vector(ITEM, OTHER.replace('"2"', '"\\u0032"')), id="an escaped digit"),
        pytest.param(vector(ITEM, OTHER.replace('"2"', '"2\n"')), id="a raw control character"),
        pytest.param(vector(ITEM, OTHER.replace('"b"', "1")), id="a label that is a number"),
        pytest.param(vector(ITEM, OTHER.replace('"b"', "{}")), id="a nested label"),
        pytest.param(vector(ITEM, OTHER.replace('"b"', '"b","model":"c"')), id="a label twice"),
        pytest.param(vector(ITEM, OTHER.replace('"b"', '"\\ud800"')), id="half a surrogate"),
        pytest.param(vector(ITEM, '{"metric":{"model":"b"},"histogram":[1700000000,{}]}'), id="a histogram"),
        pytest.param(vector('{"metric":{"model":"b"},"histogram":[1700000000,{}]}', ITEM), id="a histogram first"),
        pytest.param(vector(ITEM, more=',"result":[]'), id="a later result wins"),
        pytest.param(vector(ITEM, more=',"result":[1]'), id="a later result that looks like our stand-in"),
        pytest.param(b'{"x":{"result":[%b]},' % ITEM.encode() + vector(OTHER)[1:], id="another result before"),
        pytest.param(vector(ITEM + "]},{" + ITEM), id="brackets that do not match"),
        pytest.param(vector(ITEM, OTHER)[:-1], id="no end"),
        pytest.param(vector(ITEM, OTHER) + b"x", id="more after the end"),
        pytest.param(vector(ITEM, OTHER).replace(b'"a"', b'"\xff"'), id="not UTF-8"),
        pytest.param(b'{"status":"error","errorType":"bad_data","error":"x"}', id="an error"),
        pytest.param(json.dumps(recorded("prom_query_vector")[1]).encode(), id="recorded vector"),
        pytest.param(json.dumps(recorded("prom_scalar_inf")[1]).encode(), id="recorded scalar"),
        pytest.param(json.dumps(recorded("prom_histogram_quantile")[1]).encode(), id="recorded quantile"),
    ],
)
def test_an_odd_answer_is_read_or_refused_as_if_parsed(body):
    both = Both()
    both.read(vector(ITEM, OTHER))

    quick, plain = both.read(body)

    assert quick == plain


# ---------------------------------------------------------------- without parsing


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize(
    "more", [{}, {"infos": ['advice "]}']}, {"warnings": ["w"]}, {"stats": {"seriesFetched": "2"}}]
)
def test_known_series_are_not_parsed_whatever_their_order(compact, more):
    rows = LabelRows([SIGNAL], max_series=9)
    rows.attach(SeriesIndex())
    series = [({"model": f'm"{number}', "pod": "é"}, f"{number}.5") for number in range(3)]
    first = scan(answer(*series, compact=compact, **more), rows.by_text(SIGNAL))
    rows.of_texts(SIGNAL, first.rows, first.unseen)

    later = [*series[::-1], ({"model": "new"}, "+Inf")]
    found = scan(answer(*later, at=T + 60, compact=compact, **more), rows.by_text(SIGNAL))

    assert [metric["model"] for _, _, metric in first.unseen] == ['m"0', 'm"1', 'm"2']
    assert found.rows.tolist() == [2, 1, 0, -2]
    assert [metric["model"] for _, _, metric in found.unseen] == ["new"]
    np.testing.assert_array_equal(found.values, [2.5, 1.5, 0.5, np.nan])


def test_an_answer_of_many_blocks_is_read_as_one(monkeypatch):
    monkeypatch.setattr(vector_scan, "BLOCK", 100)
    series = [({"model": f"m{number}"}, str(number)) for number in range(40)]
    both = Both()

    for _ in range(2):
        quick, plain = both.read(answer(*series))

        assert quick == plain
        assert quick[2] == [float(number) for number in range(40)]


def test_a_steady_set_takes_no_more_memory_and_a_churning_one_is_bounded():
    both = Both(max_series=10)
    known = both.quick._rows.by_text(SIGNAL)
    steady, churning = set(), set()

    for turn in range(20):
        both.read(answer(*(({"model": f"m{number}"}, "1") for number in range(10)), at=T + turn))
        steady.add(len(known))
    for turn in range(200):
        both.read(answer(({"model": "m1", "pod": str(turn)}, "1"), ({"pod": str(turn)}, "1")))
        churning.add(len(known))

    assert steady == {10}
    assert max(churning) <= 20


def test_more_series_without_an_entity_than_the_cap_are_remembered_all_the_same():
    both = Both(max_series=2)
    body = answer(*(({"pod": str(number)}, "1") for number in range(50)))

    both.read(body)

    assert scan(body, both.quick._rows.by_text(SIGNAL)).unseen == []


def test_rows_of_another_index_are_forgotten():
    both = Both()
    both.read(answer(({"model": "a"}, "1")))

    both.quick._rows.attach(SeriesIndex())

    assert both.quick._rows.by_text(SIGNAL) == {}
