"""A reference profile as text: what the store keeps and `faultline reference` prints, and what names it."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

from bot.domain.prediction_log import Profile
from bot.errors import BadInputError

FORMAT = 1


def profile_text(profile: Profile) -> str:
    """Write a profile; the same profile gives the same text."""
    return json.dumps({"format": FORMAT, "profile": _plain(profile)}, sort_keys=True, separators=(",", ":"))


def read_profile(text: str) -> Profile:
    """Read a profile back. Raises BadInputError when it is damaged, or not what its id says."""
    try:
        told = json.loads(text)
        if told["format"] != FORMAT:
            raise BadInputError(f"a reference profile of format {told['format']}, this version reads {FORMAT}")
        profile: Profile = _value(Profile, told["profile"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"not a whole reference profile: {error!r}") from error
    if digest_of(profile) != profile.id:
        raise BadInputError(f"the reference profile {profile.id} is not what it was: make it anew")
    return profile


def digest_of(profile: Profile) -> str:
    """Name a profile by all that it holds but the moment of its making."""
    nameless = _plain(replace(profile, id="", made=datetime.min))
    return hashlib.sha256(json.dumps(nameless, sort_keys=True).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, np.ndarray):
        packed = np.ascontiguousarray(value)
        return {
            "dtype": packed.dtype.str,
            "shape": list(packed.shape),
            "data": base64.b64encode(packed.tobytes()).decode(),
        }
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not np.isfinite(value):
        return {"float": str(value)}
    return value


def _value(kind: Any, told: Any) -> Any:  # noqa: PLR0911 - a ladder over the forms that a profile is made of
    if isinstance(told, dict) and "dtype" in told:
        array = np.frombuffer(base64.b64decode(told["data"]), dtype=np.dtype(told["dtype"]))
        return array.reshape(told["shape"]).copy()
    if isinstance(told, dict) and set(told) == {"float"}:
        return float(told["float"])
    options = [one for one in get_args(kind) if one is not type(None)]
    if told is None:
        return None
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(**{one.name: _value(hints[one.name], told[one.name]) for one in fields(kind)})
    origin = get_origin(kind)
    if origin is tuple:
        return tuple(_value(options[0], item) for item in told)
    if origin is not None and isinstance(told, dict) and len(options) == 2:
        return {key: _value(options[1], item) for key, item in told.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(told)
    if kind is datetime:
        return datetime.fromisoformat(told)
    if kind is float:
        return float(told)
    if options and origin is not None and not isinstance(told, dict | list):
        return _value(options[0], told)
    if options and any(is_dataclass(one) for one in options):
        return _value(next(one for one in options if is_dataclass(one)), told)
    return told
