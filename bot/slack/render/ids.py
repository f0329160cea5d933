"""The names of our buttons, selects and modals: what is rendered and what is handled agree by sharing them."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """action_id of everything that can be clicked in a message, a modal or the App Home."""

    ACKNOWLEDGE = "fl_acknowledge"
    SILENCE = "fl_silence"
    ROLL_BACK = "fl_roll_back"
    RESOLVE = "fl_resolve"
    FEEDBACK = "fl_feedback"
    APPROVE = "fl_approve"
    DENY = "fl_deny"
    UNSILENCE = "fl_unsilence"


class View(StrEnum):
    """callback_id of our modals."""

    LOADING = "fl_view_loading"
    SILENCE_FORM = "fl_view_silence"
    SILENCE_CONFIRM = "fl_view_silence_confirm"
    DENY = "fl_view_deny"


class Field(StrEnum):
    """block_id, and action_id, of each input of our modals."""

    MATCHERS = "matchers"
    DURATION = "duration"
    CUSTOM = "custom_duration"
    REASON = "reason"
    COMMENT = "comment"


MESSAGE_EVENT = "faultline_message"  # event_type of our messages' metadata
CUSTOM_DURATION = "custom"
SHORTCUT_ASK = "ask_incident"
