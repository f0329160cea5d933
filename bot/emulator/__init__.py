"""A small Slack in one process, for a laptop and for tests: Web API, Socket Mode, files, modals, and a page.

It knows Slack's API and nothing of the app that talks to it. Start it with `python -m bot.emulator --port 8765`, or in
a test with `async with await serve() as server`, and give an SDK `server.api_url` as base_url and the tokens of
`Definition().app`. `server.emulator` has the parts: people, clicks, faults, sockets, workspace, log, transcript.
Over HTTP the same is at /_control (see control.py).

The page at / plays Slack's client. `#as=bob&channel=incidents` in its address chooses who and where. Its parts carry
data-testid attributes:

  sidebar    channel-<name>, unread-<name>, app-home, app-connected, acting-as (a select; values are handles)
  place      place-name, messages, composer, composer-send, command-hints, join, home-tab, messages-tab,
             home, home-empty
  message    message-<ts>, thread-open, thread-reply, reaction-<name>, react-<name>, shortcut-<callback_id>,
             only-visible-to-you, ack-warning, file-<id>
  thread     thread-pane, thread-root, thread-composer, thread-composer-send, thread-close; replies are message-<ts>
  Block Kit  block-<block_id>, action-<action_id>, option-<value> (in menus, radio buttons and checkboxes)
  dialogs    modal, modal-title, modal-submit, modal-close, modal-cross, modal-error-<block_id>, modal-problem,
             confirm-dialog, confirm-yes, confirm-no
  toasts     toast, ack-toast

A message may stand in the channel and in the thread pane at once: look for actions inside one of the two.
"""

from __future__ import annotations

from bot.emulator.core import Emulator
from bot.emulator.definition import (
    AppDefinition,
    ChannelDefinition,
    Definition,
    Person,
    Settings,
    Shortcut,
    SlashCommand,
    UserGroup,
    load_definition,
)
from bot.emulator.faults import EventFault, Fault
from bot.emulator.server import Server, serve
from bot.emulator.workspace import Workspace

__all__ = [
    "AppDefinition",
    "ChannelDefinition",
    "Definition",
    "Emulator",
    "EventFault",
    "Fault",
    "Person",
    "Server",
    "Settings",
    "Shortcut",
    "SlashCommand",
    "UserGroup",
    "Workspace",
    "load_definition",
    "serve",
]
