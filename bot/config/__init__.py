"""The configuration: one `faultline.yaml`, secrets from the environment or from files, errors that say what to do."""

from bot.config.environment import Credential, config_path
from bot.config.loading import load_settings
from bot.config.reference import key_table, schema_text
from bot.config.settings import MissingSecret, Secrets, Settings

__all__ = [
    "Credential",
    "MissingSecret",
    "Secrets",
    "Settings",
    "config_path",
    "key_table",
    "load_settings",
    "schema_text",
]
