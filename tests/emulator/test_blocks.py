"""What the validator refuses and where it points; what it lets pass."""

from __future__ import annotations

import pytest
from slack_sdk.errors import SlackApiError

from bot.emulator.blocks import check_message_blocks, check_view, with_ids
from bot.emulator.blocks.state import initial_state, merge, missing
from bot.emulator.errors import RefusalError

INCIDENTS = "C0INCIDENTS"


def plain(text):
    return {"type": "plain_text", "text": text}


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def section(text="x", **extra):
    return {"type": "section", "text": mrkdwn(text), **extra}


def button(**changes):
    return {"type": "button", "action_id": "a", "text": plain("Go"), **changes}


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def select(options):
    return {"type": "static_select", "action_id": "s", "options": options}


def option(value="v"):
    return {"text": plain("x"), "value": value}


def image(**changes):
    return {"type": "image", "alt_text": "plot", **changes}


def chart(series, categories=("a", "b")):
    shown = {"type": "line", "axis_config": {"categories": list(categories)}, "series": series}
    return {"type": "data_visualization", "title": "p95", "chart": shown}


def series(*labels):
    return {"name": "s", "data": [{"label": label, "value": 1} for label in labels]}


CONFIRM = {"title": plain("t"), "text": plain("x" * 301), "confirm": plain("y"), "deny": plain("n")}


@pytest.mark.parametrize(
    ("block", "sentence", "pointer"),
    [
        pytest.param({"type": "sparkle"}, "unsupported type: sparkle", "/blocks/0/type", id="unknown block"),
        pytest.param(
            {"type": "header", "text": mrkdwn("x")},
            "must be one of: plain_text",
            "/blocks/0/text/type",
            id="header in mrkdwn",
        ),
        pytest.param(
            {"type": "header", "text": plain("x" * 151)},
            "must be less than 151 characters",
            "/blocks/0/text/text",
            id="long header",
        ),
        pytest.param({"type": "section"}, "must provide text or fields", "/blocks/0", id="empty section"),
        pytest.param(
            section("x" * 3001), "must be less than 3001 characters", "/blocks/0/text/text", id="long section"
        ),
        pytest.param(section(""), "must be more than 0 characters", "/blocks/0/text/text", id="empty text"),
        pytest.param(section(colour="red"), "invalid additional property: colour", "/blocks/0", id="unknown field"),
        pytest.param(
            {"type": "section", "fields": [mrkdwn("x")] * 11},
            "no more than 10 items allowed",
            "/blocks/0/fields",
            id="many fields",
        ),
        pytest.param(
            {"type": "section", "fields": [mrkdwn("x" * 2001)]},
            "must be less than 2001 characters",
            "/blocks/0/fields/0/text",
            id="long field",
        ),
        pytest.param(
            {"type": "context", "elements": []},
            "no fewer than 1 item allowed",
            "/blocks/0/elements",
            id="empty context",
        ),
        pytest.param(
            {"type": "context", "elements": [mrkdwn("x")] * 11},
            "no more than 10 items allowed",
            "/blocks/0/elements",
            id="long context",
        ),
        pytest.param(
            actions(*[button(action_id=str(n)) for n in range(26)]),
            "no more than 25 items allowed",
            "/blocks/0/elements",
            id="many buttons",
        ),
        pytest.param(
            actions(button(), button()),
            "action_id a already exists in this block",
            "/blocks/0/elements/1/action_id",
            id="same action twice",
        ),
        pytest.param(
            actions(button(text=plain("x" * 76))),
            "must be less than 76 characters",
            "/blocks/0/elements/0/text/text",
            id="long button",
        ),
        pytest.param(
            actions(button(value="x" * 2001)),
            "must be less than 2001 characters",
            "/blocks/0/elements/0/value",
            id="long value",
        ),
        pytest.param(
            actions(button(style="loud")), "must be one of: primary, danger", "/blocks/0/elements/0/style", id="style"
        ),
        pytest.param(
            actions(button(confirm=CONFIRM)),
            "must be less than 301 characters",
            "/blocks/0/elements/0/confirm/text/text",
            id="long confirmation",
        ),
        pytest.param(
            actions({"type": "plain_text_input", "action_id": "i"}),
            "unsupported type: plain_text_input",
            "/blocks/0/elements/0/type",
            id="input among actions",
        ),
        pytest.param(
            actions(select([option()] * 101)),
            "no more than 100 items allowed",
            "/blocks/0/elements/0/options",
            id="many options",
        ),
        pytest.param(
            actions(select([option("v" * 151)])),
            "must be less than 151 characters",
            "/blocks/0/elements/0/options/0/value",
            id="long option",
        ),
        pytest.param(
            image(image_url="http://127.0.0.1:9/x.png"),
            "downloading image failed",
            "/blocks/0/image_url",
            id="a picture on this machine",
        ),
        pytest.param(image(image_url="ftp://x.example/y"), "invalid url", "/blocks/0/image_url", id="odd address"),
        pytest.param(image(), "must provide exactly one of: image_url, slack_file", "/blocks/0", id="no picture"),
        pytest.param(
            image(slack_file={"id": "F404"}), "invalid slack file", "/blocks/0/slack_file", id="file not shared"
        ),
        pytest.param(
            {"type": "image", "image_url": "https://x.example/y"},
            "missing required field: alt_text",
            "/blocks/0",
            id="no alt text",
        ),
        pytest.param(
            {"type": "alert", "text": plain("x")},
            "alert blocks are only allowed in modals",
            "/blocks/0/type",
            id="alert in a message",
        ),
        pytest.param(
            {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * 101},
            "no more than 100 items allowed",
            "/blocks/0/rows",
            id="long table",
        ),
        pytest.param(
            {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 21]},
            "must have 1 to 20 cells",
            "/blocks/0/rows/0",
            id="wide table",
        ),
        pytest.param(
            chart([series("a")]),
            "every series must cover every category",
            "/blocks/0/chart/series/0/data",
            id="gap in a chart",
        ),
        pytest.param(
            {"type": "rich_text", "elements": [{"type": "rich_text_song"}]},
            "unsupported rich text element",
            "/blocks/0/elements/0",
            id="rich text",
        ),
    ],
)
def test_a_bad_block_is_refused_at_its_place(block, sentence, pointer):
    with pytest.raises(RefusalError) as caught:
        check_message_blocks([block], ready_files=frozenset())

    assert caught.value.code == "invalid_blocks"
    assert f"{sentence} [json-pointer:{pointer}]" in caught.value.fields["errors"]


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param([section(accessory=button())], id="button beside text"),
        pytest.param([section("x" * 3000)], id="longest section"),
        pytest.param([chart([series("a", "b")])], id="chart"),
        pytest.param([image(slack_file={"id": "F1"})], id="shared file"),
        pytest.param([{"type": "markdown", "text": "**x**"}, {"type": "divider"}], id="markdown"),
        pytest.param(
            [actions(button(), select([option()]), {"type": "overflow", "action_id": "o", "options": [option()]})],
            id="actions",
        ),
    ],
)
def test_good_blocks_pass(blocks):
    check_message_blocks(blocks, ready_files=frozenset({"F1"}))


@pytest.mark.parametrize(
    ("blocks", "code"),
    [
        pytest.param([{"type": "divider"}] * 51, "invalid_blocks", id="too many"),
        pytest.param([section(block_id="b"), section(block_id="b")], "invalid_blocks", id="same id twice"),
        pytest.param([chart([series("a", "b")])] * 3, "invalid_blocks", id="too many charts"),
        pytest.param([section("x" * 3000)] * 5, "msg_blocks_too_long", id="too long in sum"),
        pytest.param({"type": "divider"}, "invalid_blocks_format", id="no list"),
    ],
)
def test_a_bad_list_is_refused(blocks, code):
    with pytest.raises(RefusalError) as caught:
        check_message_blocks(blocks, ready_files=frozenset())

    assert caught.value.code == code


@pytest.mark.parametrize(
    ("changes", "code", "hint"),
    [
        pytest.param({"title": plain("x" * 25)}, "invalid_arguments", "/view/title/text", id="long title"),
        pytest.param(
            {"private_metadata": "x" * 3001}, "invalid_arguments", "/view/private_metadata", id="long metadata"
        ),
        pytest.param({"submit": None}, "invalid_arguments", "missing required field: submit", id="inputs, no submit"),
        pytest.param({"blocks": [{"type": "divider"}] * 101}, "invalid_arguments", "/view/blocks", id="many blocks"),
        pytest.param({"blocks": None}, "invalid_arguments", "missing required field: blocks", id="no blocks"),
        pytest.param({"type": "home"}, "invalid_arguments", "/view/type", id="wrong kind"),
        pytest.param({"private_metadata": "x" * 260_000}, "view_too_large", "", id="too large"),
    ],
)
def test_a_bad_view_is_refused(changes, code, hint):
    element = {"type": "plain_text_input", "action_id": "t"}
    view = {
        "type": "modal",
        "title": plain("t"),
        "submit": plain("s"),
        "blocks": [{"type": "input", "label": plain("l"), "element": element}],
    }

    with pytest.raises(RefusalError) as caught:
        check_view({**view, **changes}, surface="modal", ready_files=frozenset())

    assert caught.value.code == code
    assert hint in repr(caught.value.fields)


def test_blocks_and_actions_get_the_ids_they_lack():
    found = with_ids(
        [section(), actions({"type": "button", "text": plain("a")}, {"type": "button", "text": plain("b")})]
    )

    ids = [found[0]["block_id"], found[1]["block_id"], *(e["action_id"] for e in found[1]["elements"])]
    assert len(set(ids)) == 4


def test_state_takes_plain_values_and_knows_what_is_missing():
    blocks = [
        {
            "type": "input",
            "block_id": "who",
            "label": plain("l"),
            "element": {"type": "users_select", "action_id": "u"},
        },
        {
            "type": "input",
            "block_id": "n",
            "optional": True,
            "label": plain("l"),
            "element": {"type": "number_input", "action_id": "n", "is_decimal_allowed": False, "max_value": "5"},
        },
        {
            "type": "input",
            "block_id": "c",
            "label": plain("l"),
            "element": {
                "type": "checkboxes",
                "action_id": "c",
                "options": [option("x"), option("y")],
                "initial_options": [option("y")],
            },
        },
    ]
    start = initial_state(blocks)

    filled = merge(blocks, start, {"who": {"u": "U0BOB"}, "n": {"n": 9}, "c": {"c": ["x"]}})

    assert missing(blocks, start) == {"who": "Please complete this required field."}
    assert filled["who"]["u"] == {"type": "users_select", "selected_user": "U0BOB"}
    assert filled["c"]["c"]["selected_options"] == [option("x")]
    assert missing(blocks, filled) == {"n": "Enter a number between None and 5."}
    with pytest.raises(RefusalError):
        merge(blocks, start, {"c": {"c": "z"}})


@pytest.mark.enable_socket
async def test_the_sdk_sees_errors_and_messages(client):
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=INCIDENTS, text="x", attachments=[{"blocks": [{"type": "sparkle"}]}])

    assert caught.value.response["error"] == "invalid_blocks"
    assert caught.value.response["errors"] == ["unsupported type: sparkle [json-pointer:/attachments/0/blocks/0/type]"]
    assert caught.value.response["response_metadata"]["messages"][0].startswith("[ERROR] ")
