"""`faultline demo`: the real bot against a simulated production and a small local Slack, all on this machine."""

from bot.demo.play import run_demo

__all__ = ["run_demo"]
