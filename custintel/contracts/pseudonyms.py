"""Keyed pseudonyms: an identifier becomes a code that only the holder of the key can make, and can match again.

A pseudonym is HMAC-SHA256 of the identifier and its space, cut to 128 bits and written in hexadecimal digits after the
letter p, so that no reader takes it for a number. Equal identifiers of one space have equal pseudonyms, in all tables
and in all imports with the same key.

Sources: RFC 2104 (HMAC); ENISA, Pseudonymisation techniques and best practices, 2019 (keyed hash, policy of
deterministic pseudonyms).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING

from custintel.errors import ConfigurationError, DataError
from custintel.files.keyed_seal import check_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd


KEY_VARIABLE = "CUSTINTEL_PSEUDONYM_KEY"
IDENTIFIERS = (
    *("line", "account", "household", "device", "range"),
    *("bill", "payment", "promise", "dunning", "recharge", "care", "survey", "contact", "case"),
)
"""Spaces of identifiers. Numbers and identities of lines share one, because calls name either."""
_SHORTEST = 32
_DIFFERENT = 8  # of 32 random hexadecimal digits, fewer are different once in 28 million keys
_DIGITS = 32  # hexadecimal: 128 bits; among a billion identifiers two meet with a chance of 2e-21


class Pseudonyms:
    """Makes pseudonyms with a key.

    Parameters
    ----------
    key : str
        A secret of at least 32 characters, 8 of them different, from a generator of random numbers. Whoever has it can
        test which pseudonym a known number has; who loses it cannot match any more.

    Raises
    ------
    ConfigurationError
        The key is too short, or has too few different characters.

    Examples
    --------
    >>> Pseudonyms("0123456789abcdef" * 2).of("line", ["447911123456"])
    ['p523af5895106d396a9830646aef8dec4']
    """

    def __init__(self, key: str) -> None:
        check_key(key, "the key of the pseudonyms", (_SHORTEST, _DIFFERENT), _hint())
        self._key = key.encode()

    @classmethod
    def from_environment(cls) -> Pseudonyms:
        """With the key of the environment variable CUSTINTEL_PSEUDONYM_KEY.

        Raises
        ------
        ConfigurationError
            There is no key, or it is too short or too easy to guess.
        """
        key = os.environ.get(KEY_VARIABLE)
        if not key:
            raise ConfigurationError(f"pseudonyms need a key\n  given: no {KEY_VARIABLE}\n  hint: {_hint()}")
        return cls(key)

    def __repr__(self) -> str:
        return f"Pseudonyms(key {self.fingerprint})"

    @property
    def fingerprint(self) -> str:
        """Tells keys apart without giving one away: two warehouses of one mark can be joined."""
        return hmac.digest(self._key, b"mark of the key", hashlib.sha256).hex()[:8]

    def of(self, space: str, values: Iterable[str]) -> list[str]:
        """The pseudonyms of identifiers of a space.

        Parameters
        ----------
        space : str
            One of `IDENTIFIERS`.
        values : iterable of str
            Identifiers, as the clean tables have them.
        """
        start = f"{space}\0".encode()
        return [f"p{hmac.digest(self._key, start + v.encode(), hashlib.sha256).hex()[:_DIGITS]}" for v in values]


def reidentify(
    frame: pd.DataFrame, originals: Iterable[object], column: str = "customer_id", space: str = "line"
) -> pd.DataFrame:
    """Put the original identifiers in the place of pseudonyms, for whoever has the key and the list of identifiers.

    The key is read from the environment variable CUSTINTEL_PSEUDONYM_KEY.

    Parameters
    ----------
    frame : pandas.DataFrame
        Scores, alarms or decisions with pseudonyms.
    originals : iterable
        All identifiers that may be in it.
    column : str
        The column of pseudonyms.
    space : str
        What they identify, one of `IDENTIFIERS`: a line (customer_id, msisdn, other_party), an account, a device, ...

    Returns
    -------
    DataFrame
        A copy with the originals in the column; every row has one.

    Raises
    ------
    ConfigurationError
        There is no key.
    DataError
        There is no such column, or some pseudonyms are of none of the originals under this key.

    Examples
    --------
    >>> import pandas as pd
    >>> os.environ["CUSTINTEL_PSEUDONYM_KEY"] = "0123456789abcdef" * 2
    >>> pseudonyms = Pseudonyms.from_environment().of("line", ["b", "a"])
    >>> scores = pd.DataFrame({"customer_id": pseudonyms, "probability": [0.9, 0.1]})
    >>> reidentify(scores, ["a", "b", "c"])["customer_id"].tolist()
    ['b', 'a']
    >>> del os.environ["CUSTINTEL_PSEUDONYM_KEY"]
    """
    if column not in frame.columns or space not in IDENTIFIERS:
        allowed = ", ".join(IDENTIFIERS)
        raise DataError(f"nothing to re-identify\n  given: column {column!r}, space {space!r}\n  allowed: {allowed}")
    known = [str(value) for value in dict.fromkeys(originals)]
    found = dict(zip(Pseudonyms.from_environment().of(space, known), known, strict=True))
    original = frame[column].astype(str).map(found)
    if original.isna().any():
        raise DataError(
            f"{int(original.isna().sum()):,} of {len(frame):,} rows are of nobody in the list under this key\n"
            "  hint: give the whole list of identifiers, spelt as in the tables, and the key of the import"
        )
    return frame.assign(**{column: original.to_numpy()})


def _hint() -> str:
    make = "python -c 'import secrets; print(secrets.token_hex(32))'"
    return f"make one ({make}), keep it where the data are not, and export {KEY_VARIABLE}=..."
