"""Keyed seals (HMAC-SHA256): without the key, nobody can make a sealed file or change one unnoticed.

`check_key` is the one judge of secret keys, those of pseudonyms included.

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


def check_key(key: str, name: str, least: tuple[int, int], hint: str) -> None:
    """Refuse a secret key that is too short, or has too few different characters; the key is never shown.

    Parameters
    ----------
    key : str
        The key.
    name : str
        What the error calls it.
    least : tuple of int
        Fewest characters, and fewest different ones besides blanks.
    hint : str
        How a good one is made.

    Examples
    --------
    >>> check_key("x" * 64, "the key", (16, 5), "make another one")
    Traceback (most recent call last):
    custintel.errors.ConfigurationError: the key is too easy to guess
      given: 1 different characters besides blanks
      allowed: at least 5
      hint: make another one
    """
    length, different = len(key), len(set("".join(key.split())))
    if length < least[0]:
        wrong, given, allowed = "short", f"{length} characters", least[0]
    elif different < least[1]:
        wrong, given, allowed = "easy to guess", f"{different} different characters besides blanks", least[1]
    else:
        return
    raise ConfigurationError(f"{name} is too {wrong}\n  given: {given}\n  allowed: at least {allowed}\n  hint: {hint}")


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
    check_key(key, f"the key in {SEAL_KEY}", (_SHORTEST, _DIFFERENT), "openssl rand -hex 32 makes a good one")
    return hmac.new(key.encode(), _PURPOSE + content, hashlib.sha256).hexdigest()


def verify_seal(content: bytes, given: str) -> bool:
    """Whether a seal is the one that the key in the environment gives."""
    return hmac.compare_digest((seal(content) or "").encode(), given.encode()) and has_seal_key()
