"""What Slack refuses in Block Kit, with the JSON pointers that it names."""

from __future__ import annotations

from bot.emulator.blocks.check import check_attachments, check_message_blocks, check_view, with_ids

__all__ = ["check_attachments", "check_message_blocks", "check_view", "with_ids"]
