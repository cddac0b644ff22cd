"""What an allocation must keep to: budget, capacities, contact policy, minimum counts, households, exploration.

>>> Constraints.from_mapping({"budget": 5000, "offers": {"call": {"capacity": 200, "channel": "call", "hours": 0.25}},
...                           "channels": {"call": 40}, "exploration": {"hold_out": 0.05, "epsilon": 0.02}}).budget
5000.0
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from custintel.errors import Problem, raise_problems
from custintel.files.yaml_reader import read_plain_yaml, read_yaml_text


@dataclass(frozen=True)
class OfferLimits:
    """Limits of one offer.

    Attributes
    ----------
    capacity : float, optional
        How many customers can get it.
    minimum : int
        How many must get it, even at a loss.
    kind : str, optional
        Its kind, for blocking windows; the name of the offer when None.
    channel : str, optional
        Channel that delivers it.
    hours : float
        What one contact takes from the channel: hours, or 1 to count contacts.

    Examples
    --------
    >>> OfferLimits(capacity=200, channel="call_centre", hours=0.25).minimum
    0
    """

    capacity: float | None = None
    minimum: int = 0
    kind: str | None = None
    channel: str | None = None
    hours: float = 1.0


@dataclass(frozen=True)
class Blocking:
    """After a contact of one kind, offers of another kind are blocked for some days."""

    after: str
    blocks: str
    days: int


@dataclass(frozen=True)
class ContactPolicy:
    """At most `at_most` offers to a customer in `days` days, the one decided now included; blocking windows.

    Examples
    --------
    >>> ContactPolicy(at_most=2, days=90)
    ContactPolicy(at_most=2, days=90, blocking=())
    """

    at_most: int = 1
    days: int = 30
    blocking: tuple[Blocking, ...] = ()


@dataclass(frozen=True)
class Exploration:
    """Who is left alone to measure against, and how often chance decides.

    Attributes
    ----------
    hold_out : float
        Share of customers (households) that never get an offer: the universal control. The same customers in each
        round, as long as `hold_out_random_state` stays.
    epsilon : float
        Share of the others for whom chance decides between the possible offers and none.
    random_state : int
        Seed of this round's chance; use another one each round.
    hold_out_random_state : int
        Seed of the hold-out.

    Examples
    --------
    >>> Exploration(hold_out=0.05, epsilon=0.1).hold_out
    0.05
    """

    hold_out: float = 0.0
    epsilon: float = 0.0
    random_state: int = 0
    hold_out_random_state: int = 0


@dataclass(frozen=True)
class Constraints:
    """All that an allocation must keep to. What is not given is not limited.

    Attributes
    ----------
    budget : float, optional
        Sum of the costs, in u.
    offers : mapping of str to OfferLimits
        Limits of each offer.
    channels : mapping of str to float
        Hours (or contacts) that each channel has.
    contact : ContactPolicy, optional
        Needs the recent contacts (`Audience.contacts`).
    household_limit : int, optional
        Offers for a household at a time; needs `Audience.household`.
    exploration : Exploration
        Hold-out and exploration.

    Raises
    ------
    ConfigurationError
        Numbers are negative, not finite or contradict each other; all mistakes are listed.

    Examples
    --------
    >>> Constraints(budget=1000.0, offers={"sms": OfferLimits(capacity=10, minimum=20)})
    Traceback (most recent call last):
        ...
    custintel.errors.ConfigurationError: 1 mistake found
      offers.sms.minimum: larger than the capacity by 10
        given: minimum 20, capacity 10
        allowed: minimum <= capacity
    """

    budget: float | None = None
    offers: Mapping[str, OfferLimits] = field(default_factory=dict)
    channels: Mapping[str, float] = field(default_factory=dict)
    contact: ContactPolicy | None = None
    household_limit: int | None = None
    exploration: Exploration = field(default_factory=Exploration)

    def __post_init__(self) -> None:
        raise_problems(_number_problems(self) + _channel_problems(self) + _exploration_problems(self.exploration))

    @classmethod
    def from_mapping(cls, given: Any, where: str = "constraints") -> Constraints:
        """From plain data, as read from YAML.

        Parameters
        ----------
        given : mapping
            Keys are the attributes.
        where : str
            What errors call it, such as the file name.
        """
        if not isinstance(given, Mapping):
            raise_problems([Problem(where, "not a mapping", type(given).__name__, ", ".join(_names(cls)))])
        problems: list[Problem] = _unknown(given, cls, where)
        made: dict[str, Any] = {k: given[k] for k in ("budget", "channels", "household_limit") if k in given}
        offers = given.get("offers") or {}
        made["offers"] = {
            str(n): _make(OfferLimits, o or {}, f"{where}: offers.{n}", problems) for n, o in offers.items()
        }
        if "contact" in given:
            made["contact"] = _contact(given["contact"], f"{where}: contact", problems)
        if "exploration" in given:
            made["exploration"] = _make(Exploration, given["exploration"], f"{where}: exploration", problems)
        raise_problems(problems)
        if made.get("budget") is not None:
            made["budget"] = _as_number(made["budget"])
        return cls(**made)


def read_constraints(path: str | Path) -> Constraints:
    """Constraints from a YAML file.

    Parameters
    ----------
    path : str or Path
        The file; its keys are the attributes of `Constraints`.

    Raises
    ------
    ConfigurationError
        The file is not YAML, or has unknown keys or wrong numbers.
    """
    given = read_plain_yaml(read_yaml_text(Path(path)), Path(path).name)
    return Constraints.from_mapping({} if given is None else given, Path(path).name)


def _names(cls: type) -> list[str]:
    return [f.name for f in fields(cls)]


def _unknown(given: Mapping[str, Any], cls: type, where: str) -> list[Problem]:
    return [Problem(where, "unknown key", str(key), ", ".join(_names(cls))) for key in given if key not in _names(cls)]


def _make(cls: type, given: Any, where: str, problems: list[Problem]) -> Any:
    """An object of plain data; unknown keys and missing ones are added to the problems."""
    if not isinstance(given, Mapping):
        problems.append(Problem(where, "not a mapping", str(given), ", ".join(_names(cls))))
        return None
    problems += _unknown(given, cls, where)
    try:
        return cls(**{k: v for k, v in given.items() if k in _names(cls)})
    except TypeError:
        problems.append(Problem(where, "keys are missing", ", ".join(given) or "none", ", ".join(_names(cls))))
        return None


def _contact(given: Any, where: str, problems: list[Problem]) -> ContactPolicy | None:
    if not isinstance(given, Mapping):
        problems.append(Problem(where, "not a mapping", str(given), ", ".join(_names(ContactPolicy))))
        return None
    windows = [_make(Blocking, one, f"{where}.blocking", problems) for one in given.get("blocking") or ()]
    made: ContactPolicy | None = _make(ContactPolicy, {**given, "blocking": tuple(windows)}, where, problems)
    return made


def _as_number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _number_problems(c: Constraints) -> list[Problem]:
    found: list[tuple[str, Any]] = [("budget", c.budget)]
    for name, offer in c.offers.items():
        found += [(f"offers.{name}.{what}", getattr(offer, what)) for what in ("capacity", "minimum", "hours")]
    found += [(f"channels.{name}", hours) for name, hours in c.channels.items()]
    if c.contact is not None:
        found += [("contact.at_most", c.contact.at_most), ("contact.days", c.contact.days)]
        found += [(f"contact.blocking after {b.after}", b.days) for b in c.contact.blocking]
    problems = [
        Problem(where, "not a limit", str(value), "a finite number, 0 or more")
        for where, value in found
        if value is not None and not (_as_number(value) >= 0 and math.isfinite(_as_number(value)))
    ]
    if c.household_limit is not None and not (isinstance(c.household_limit, int) and c.household_limit >= 1):
        problems.append(Problem("household_limit", "not a number of offers", str(c.household_limit), "1, 2, ..."))
    if problems:
        return problems
    return [
        Problem(
            f"offers.{name}.minimum",
            f"larger than the capacity by {limit.minimum - limit.capacity:g}",
            f"minimum {limit.minimum}, capacity {limit.capacity:g}",
            "minimum <= capacity",
        )
        for name, limit in c.offers.items()
        if limit.capacity is not None and limit.minimum > limit.capacity
    ]


def _channel_problems(c: Constraints) -> list[Problem]:
    used = {limit.channel for limit in c.offers.values() if limit.channel is not None}
    hint = "name it as `channel` of an offer, or drop it"
    return [
        Problem(f"channels.{name}", "no offer uses this channel", name, ", ".join(sorted(used)) or "none", hint)
        for name in c.channels
        if name not in used
    ]


def _exploration_problems(e: Exploration) -> list[Problem]:
    return [
        Problem(f"exploration.{name}", "not a share below 1", str(getattr(e, name)), "0 <= share < 1")
        for name in ("hold_out", "epsilon")
        if not 0 <= _as_number(getattr(e, name)) < 1
    ]
