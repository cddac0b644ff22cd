"""Keyed seals (HMAC-SHA256): without the key, nobody can make a sealed file or change one unnoticed.

The key is text in the environment variable ``CUSTINTEL_SEAL_KEY``, for example from ``openssl rand -hex 32``.

>>> import os
>>> os.environ["CUSTINTEL_SEAL_KEY"] = "a key for this example only"
>>> seal(b"a model") == seal(b"a model"), seal(b"a model") == seal(b"another")
(True, False)
>>> verify_seal(b"a model", seal(b"a model")), verify_seal(b"another", seal(b"a model"))
(True, False)
>>> del os.environ["CUSTINTEL_SEAL_KEY"]
>>> seal(b"a model") is None
True
"""

from __future__ import annotations

import hashlib
import hmac
import os

from custintel.errors import ConfigurationError

SEAL_KEY = "CUSTINTEL_SEAL_KEY"
_SHORTEST = 16
_DIFFERENT = 5  # of 16 random hexadecimal digits, fewer are different once in two million keys
_PURPOSE = b"custintel model folder, version 1\n"  # the same key elsewhere gives other seals


def has_seal_key() -> bool:
    """Whether there is a key in the environment."""
    return bool(os.environ.get(SEAL_KEY))


def seal(content: bytes) -> str | None:
    """The seal of some bytes in hex digits; None without a key.

    Raises
    ------
    ConfigurationError
        When the key is shorter than 16 characters, or has fewer than 5 different ones.
    """
    key = os.environ.get(SEAL_KEY, "")
    if not key:
        return None
    if len(key) < _SHORTEST:
        raise ConfigurationError(
            f"the key in {SEAL_KEY} is too short to protect anything\n  given: {len(key)} characters\n"
            f"  allowed: {_SHORTEST} or more\n  hint: openssl rand -hex 32 makes a good one"
        )
    different = len(set("".join(key.split())))
    if different < _DIFFERENT:
        raise ConfigurationError(
            f"the key in {SEAL_KEY} is too easy to guess\n  given: {different} different characters besides blanks\n"
            f"  allowed: {_DIFFERENT} or more\n  hint: openssl rand -hex 32 makes a good one"
        )
    return hmac.new(key.encode(), _PURPOSE + content, hashlib.sha256).hexdigest()


def verify_seal(content: bytes, given: str) -> bool:
    """Whether a seal is the one that the key in the environment gives."""
    return hmac.compare_digest((seal(content) or "").encode(), given.encode()) and has_seal_key()
