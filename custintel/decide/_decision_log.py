"""The decision log: what was decided, with which probability, and what came of it. Rows are added, never changed.

>>> log = DecisionLog()
>>> day = pd.DataFrame({"customer_id": ["a", "b"], "action": ["sms", "none"], "propensity": [0.9, 0.1],
...                     "propensity_sms": [0.9, 0.9], "propensity_none": [0.1, 0.1]})
>>> log.append(day.assign(as_of="2025-06-30", policy_version="2"))
AppendResult(added=2, known=0)
>>> log.append(day.assign(as_of="2025-06-30", policy_version="2"))
AppendResult(added=0, known=2)
>>> log.record(pd.DataFrame({"customer_id": ["a"], "as_of": ["2025-06-30"], "outcome": [1.0]}))
AppendResult(added=1, known=0)
>>> log.frame()[["action", "propensity", "outcome"]]
            action  propensity  outcome
decision_id
20250630-a     sms         0.9      1.0
20250630-b    none         0.1      NaN
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from custintel.dates import read_day, read_moment, read_time_column
from custintel.decide._offer_values import NO_OFFER
from custintel.errors import DataError, Problem, QualityWarning, raise_problems, rows_at
from custintel.files.atomic_write import atomic_file
from custintel.files.file_lock import WAIT_SECONDS, locked
from custintel.identifiers import identifier_text, names_of_columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from custintel.dates import AsOf
    from custintel.decide._allocation import Allocation


_NEEDED = ("customer_id", "as_of", "action", "propensity", "policy_version")
_SAME = ("action", "propensity", "policy_version")
_DEFAULTS: dict[str, Any] = {
    "channel": None, "contact_time": pd.NaT, "control": False, "explored": False, "policy_offer": None,
    "value": np.nan, "cost": np.nan,
}  # fmt: skip


class AppendResult(NamedTuple):
    """How many rows were new, and how many were there before."""

    added: int
    known: int


class DecisionLog:
    """Decisions and their outcomes, in a folder of Parquet files or in memory.

    One row a decision: decision_id, customer_id, as_of, action ("none": nothing was done), propensity (probability of
    this action when it was drawn), policy_version, channel, contact_time, control, explored, policy_offer, value, cost;
    for each action a ``propensity_<action>`` and a ``score_<action>``, missing where the action was not possible: the
    eligible set. Outcomes (outcome, outcome_time) are added later by `record`.

    Parameters
    ----------
    path : str or Path, optional
        Folder of the files; in memory when None. Several processes may add to it: each waits for its turn, and checks
        what it adds against what the others have added.
    wait : float
        How long to wait for another process that is writing, in seconds.

    Raises
    ------
    DataError
        When a file of the folder cannot be read. The newest one is set aside (``NAME.parquet.torn``) with a
        `QualityWarning` instead: it was being written when a disk failed.

    Examples
    --------
    >>> log = DecisionLog()
    >>> made = {"customer_id": ["a", "b"], "as_of": "2025-06-30", "action": ["call", "none"], "propensity": 1.0}
    >>> added = log.append(pd.DataFrame(made).assign(policy_version="1"))
    >>> log.frame()["action"].tolist()
    ['call', 'none']
    """

    def __init__(self, path: str | Path | None = None, *, wait: float = WAIT_SECONDS) -> None:
        self.path = None if path is None else Path(path)
        self._seconds = wait
        self._parts: dict[str, list[pd.DataFrame]] = {"decisions": [], "outcomes": []}
        self._seen: dict[str, set[str]] = {"decisions": set(), "outcomes": set()}
        self._read_new_files()

    def append(self, decisions: pd.DataFrame) -> AppendResult:
        """Add decisions; those that are there already, unchanged, are passed over.

        Parameters
        ----------
        decisions : pandas.DataFrame
            Columns of the log; decision_id is made of as_of and customer_id when absent.

        Raises
        ------
        ConfigurationError
            A propensity outside (0, 1], an action outside the eligible set, two decisions for a customer and as-of
            date, a known decision that was changed.
        """
        raise_problems(_missing_columns(decisions, _NEEDED))
        fresh = _complete(decisions)
        with self._writing():
            before = self._decisions()
            known = fresh["decision_id"].isin(before["decision_id"]) if len(before) else pd.Series(False, fresh.index)
            raise_problems(_row_problems(fresh) + _clashes(fresh, known, before))
            self._add("decisions", fresh[~known])
        return AppendResult(int((~known).sum()), int(known.sum()))

    def add(
        self,
        allocation: Allocation,
        as_of: AsOf,
        policy_version: str,
        *,
        contact_time: str | pd.Timestamp | None = None,
        channels: Mapping[str, str] | None = None,
    ) -> AppendResult:
        """Add the decisions of an allocation.

        Parameters
        ----------
        allocation : Allocation
            What was decided.
        as_of : date
            Day of the decision.
        policy_version : str
            What decided, such as the version of the model.
        contact_time : time, optional
            When the contacts are made; the day of the decision when None.
        channels : mapping of offer to channel, optional
            How each offer is delivered.
        """
        values = np.where(np.isfinite(allocation.problem.value), allocation.problem.value, np.nan)
        offers = allocation.propensities.columns[:-1]
        frame = allocation.decisions.rename(columns={"offer": "action"}).reset_index()
        for j, offer in enumerate(offers):
            possible = np.isfinite(values[:, j])
            frame[f"score_{offer}"] = values[:, j]
            frame[f"propensity_{offer}"] = np.where(possible, allocation.propensities[offer], np.nan)
        frame[f"propensity_{NO_OFFER}"] = allocation.propensities[NO_OFFER].to_numpy()
        made = frame["action"] != NO_OFFER
        day = pd.Timestamp(read_day(as_of))
        when = day if contact_time is None else read_moment(contact_time, "contact_time", local=True)
        never = np.datetime64("NaT", "us")
        frame["contact_time"] = pd.Series(np.where(made, np.datetime64(when, "us"), never), frame.index)
        frame["channel"] = frame["action"].map(dict(channels or {})).astype(object)
        return self.append(frame.assign(as_of=day, policy_version=str(policy_version)))

    def record(self, outcomes: pd.DataFrame) -> AppendResult:
        """Add outcomes of decisions; a later outcome of the same decision counts instead of the earlier one.

        Parameters
        ----------
        outcomes : pandas.DataFrame
            decision_id, or customer_id and as_of; outcome (a number: taken, kept, margin in u); optionally
            outcome_time.

        Raises
        ------
        ConfigurationError
            Columns are missing, outcomes are not finite, or there is no such decision.
        """
        keyed = "decision_id" in outcomes.columns
        needed = ("decision_id", "outcome") if keyed else ("customer_id", "as_of", "outcome")
        raise_problems(_missing_columns(outcomes, needed))
        fresh = outcomes if keyed else outcomes.assign(decision_id=_identity(outcomes))
        times = fresh["outcome_time"] if "outcome_time" in fresh else pd.Series(pd.NaT, fresh.index)
        fresh = pd.DataFrame(
            {
                "decision_id": fresh["decision_id"].astype(str),
                "outcome": fresh["outcome"].astype(float),
                "outcome_time": read_time_column(times, "outcome_time"),
            }
        )
        with self._writing():
            raise_problems(_outcome_problems(fresh, self._decisions()))
            merged = fresh.merge(self._outcomes(), on="decision_id", how="left", suffixes=("", "_before"))
            known = (merged["outcome"] == merged["outcome_before"]).to_numpy()
            self._add("outcomes", fresh[~known])
        return AppendResult(int((~known).sum()), int(known.sum()))

    def frame(self) -> pd.DataFrame:
        """All decisions with their outcomes (missing: not known yet), indexed by decision_id."""
        return self._decisions().merge(self._outcomes(), on="decision_id", how="left").set_index("decision_id")

    def responses(self, contacts: pd.DataFrame, window_days: int, as_of: AsOf) -> pd.DataFrame:
        """Outcomes for `record` from the table `contacts`: 1 if the offer was taken in time, 0 if not.

        Parameters
        ----------
        contacts : pandas.DataFrame
            The contract table (``wh.frame("contacts")``): contact_id is the decision_id, as `contacts` exports it.
        window_days : int
            Days after the contact in which a response counts.
        as_of : date
            Last day that the data know; decisions whose window is open still are left out, unless responded to.
        """
        raise_problems(_missing_columns(contacts, ("contact_id", "response_time")))
        made = self._decisions()
        start = pd.to_datetime(made["contact_time"]).fillna(pd.to_datetime(made["as_of"]))
        last = pd.Timestamp(read_day(as_of, "the last day known"))
        taken = made["decision_id"].map(contacts.drop_duplicates("contact_id").set_index("contact_id")["response_time"])
        end = start + pd.Timedelta(days=window_days)
        response = read_time_column(taken, "contacts.response_time")
        yes = response.notna() & (response <= end)
        closed = yes | (end < last + pd.Timedelta(days=1))
        found = pd.DataFrame({"decision_id": made["decision_id"], "outcome": yes.astype(float)})
        return found.assign(outcome_time=response.where(yes, end))[closed].reset_index(drop=True)

    def contacts(self) -> pd.DataFrame:
        """The decisions as rows of the contract table `contacts`, so that the next training sees them.

        Contacts that were made, and those that chance held back (`control`): customers of the hold-out, or exploring,
        whom the policy would have contacted.
        """
        log = self.frame().reset_index()
        made = log["action"] != NO_OFFER
        wanted = log["policy_offer"].notna() & (log["policy_offer"] != NO_OFFER)
        held = ~made & wanted & (log["control"].astype(bool) | log["explored"].astype(bool))
        time = pd.to_datetime(log["contact_time"]).fillna(pd.to_datetime(log["as_of"]))
        taken = made & (log["outcome"] > 0)
        table = pd.DataFrame(
            {
                "contact_id": log["decision_id"],
                "customer_id": log["customer_id"],
                "event_time": time,
                "arrival_time": time,
                "campaign_id": log["policy_version"],
                "offer_id": log["action"].where(made, log["policy_offer"]),
                "channel": log["channel"],
                "control": ~made,
                "propensity": log["propensity"],
                "cost": log["cost"].where(made, 0.0),
                "response_time": pd.to_datetime(log["outcome_time"]).where(taken),
            }
        )
        return table[made | held].reset_index(drop=True)

    def labels(self, outcomes: pd.Series | None = None, offer: str | None = None) -> pd.DataFrame:
        """The decisions as labels of the next training, with the chances that they were made with.

        Parameters
        ----------
        outcomes : Series, optional
            Outcome by (as_of, customer_id), such as the column ``label`` of `custintel.questions.question_labels`; the
            recorded outcomes when None.
        offer : str, optional
            Only the experiment that the log holds on this offer: decisions in which chance could have made it and in
            which it or nothing was done. ``propensity`` is then the chance of what was done, given that it was one of
            both, as `UpliftModel.fit` takes it.

        Returns
        -------
        pandas.DataFrame
            Index (as_of, customer_id). ``label``: the outcome, missing while it is not known; ``treatment``: what was
            done, "none" for nothing; ``offer``: the offer made, or the one that chance held back; ``propensity`` of
            what was done; ``policy``; and ``propensity_<action>`` of every action, missing where it was not possible.

        Raises
        ------
        ConfigurationError
            The log holds no decision in which the offer was possible.

        Examples
        --------
        >>> log = DecisionLog()
        >>> made = pd.DataFrame({"customer_id": ["a", "b"], "action": ["sms", "none"], "propensity": [0.9, 0.1]})
        >>> added = log.append(made.assign(as_of="2025-06-30", policy_version="2"))
        >>> stayed = pd.Series([1.0], pd.MultiIndex.from_tuples([(pd.Timestamp("2025-06-30"), "a")]))
        >>> log.labels(stayed).reset_index()[["customer_id", "label", "treatment", "propensity"]]
          customer_id  label treatment  propensity
        0           a    1.0       sms         0.9
        1           b    NaN      none         0.1
        """
        log = self.frame()
        made = log["action"] != NO_OFFER
        wanted = log["policy_offer"].where(log["policy_offer"] != NO_OFFER)
        facts = {
            "label": log["outcome"],
            "treatment": log["action"],
            "offer": log["action"].where(made, wanted),
            "propensity": log["propensity"],
            "policy": log["policy_version"],
        }
        frame = pd.DataFrame(facts | {name: log[name] for name in log.columns if name.startswith("propensity_")})
        frame.index = pd.MultiIndex.from_frame(log[["as_of", "customer_id"]])
        if outcomes is not None:
            frame["label"] = outcomes.reindex(frame.index).astype(float)
        return frame if offer is None else _experiment_on(frame, offer)

    def propensities(self) -> pd.DataFrame:
        """Logged probability of each action for each decision; 0 where an action was not possible."""
        log = self.frame()
        names = [c for c in log.columns if c.startswith("propensity_")]
        return log[names].set_axis([c.removeprefix("propensity_") for c in names], axis=1).fillna(0.0)

    def __len__(self) -> int:
        return sum(map(len, self._parts["decisions"]))

    def _decisions(self) -> pd.DataFrame:
        return _concatenate_parts(self._parts["decisions"], ["decision_id", *_NEEDED, *_DEFAULTS])

    def _outcomes(self) -> pd.DataFrame:
        every = _concatenate_parts(self._parts["outcomes"], ["decision_id", "outcome", "outcome_time"])
        return every.drop_duplicates("decision_id", keep="last")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Alone with the log, after what other processes have added."""
        if self.path is None:
            yield
            return
        self.path.mkdir(parents=True, exist_ok=True)
        with locked(self.path / "log", self._seconds):
            self._read_new_files()
            yield

    def _read_new_files(self) -> None:
        """Read the files that were not read yet."""
        for kind, parts in self._parts.items() if self.path is not None else ():
            assert self.path is not None
            fresh = sorted(p for p in (self.path / kind).glob("*.parquet") if p.name not in self._seen[kind])
            for path in fresh:
                found = _read_part(path, newest=path == fresh[-1])
                self._seen[kind].add(path.name)
                parts += [] if found is None else [found]

    def _add(self, kind: str, frame: pd.DataFrame) -> None:
        if frame.empty:
            return
        frame = frame.reset_index(drop=True)
        if self.path is not None:
            number = 1 + max((int(name[:6]) for name in self._seen[kind] if name[:6].isdecimal()), default=-1)
            digest = int(pd.util.hash_pandas_object(frame["decision_id"], index=False).sum()) & 0xFFFFFFFF
            place = self.path / kind / f"{number:06d}-{digest:08x}.parquet"
            with atomic_file(place) as fresh:
                frame.to_parquet(fresh, index=False)
            self._seen[kind].add(place.name)
        self._parts[kind].append(frame)


def _read_part(path: Path, newest: bool) -> pd.DataFrame | None:
    """The rows of a file; None for the newest one when it cannot be read, which is then set aside."""
    try:
        return _of_text(pd.read_parquet(path))
    except (OSError, ValueError) as error:  # what pyarrow raises for a damaged file are ValueErrors
        if isinstance(error, (PermissionError, FileNotFoundError)) or not newest:
            hint = "restore it from a copy; without it the log would say less than what was decided"
            raise DataError(f"{path} of the decision log cannot be read\n  hint: {hint}") from error
    aside = path.with_name(path.name + ".torn")
    path.rename(aside)
    warnings.warn(
        f"{path} of the decision log is damaged and is set aside as {aside.name}", QualityWarning, stacklevel=4
    )
    return None


def _concatenate_parts(parts: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """All parts as one frame; a column that a part does not have is missing in its rows."""
    if not parts:
        empty = pd.DataFrame({name: pd.Series(dtype=object) for name in columns})
        return empty.astype({"outcome": float}) if "outcome" in columns else empty
    names = list(dict.fromkeys(name for part in parts for name in part.columns))
    # columns that are empty in a part would change the type of the whole
    full = [part.dropna(axis=1, how="all") for part in parts]
    return pd.concat(full, ignore_index=True).reindex(columns=names)


def _experiment_on(frame: pd.DataFrame, offer: str) -> pd.DataFrame:
    """Decisions that chance could have turned into the offer and into nothing, and that became one of both."""
    column = f"propensity_{offer}"
    if column not in frame or not (frame[column] > 0).any():
        known = [str(name).removeprefix("propensity_") for name in frame if str(name).startswith("propensity_")]
        allowed = ", ".join(name for name in known if name != NO_OFFER)
        raise_problems([Problem("offer", "was possible in no decision of the log", offer, allowed)])
    both = frame[column] + frame[f"propensity_{NO_OFFER}"]
    drawn = (frame[column] > 0) & (frame[f"propensity_{NO_OFFER}"] > 0)
    kept = drawn & frame["treatment"].isin([offer, NO_OFFER])
    return frame.assign(propensity=frame["propensity"] / both)[kept]


def _identity(frame: pd.DataFrame) -> pd.Series:
    days: pd.Series = read_time_column(frame["as_of"], "as_of").dt.strftime("%Y%m%d")
    return days + "-" + _of_text(frame)["customer_id"]


def _of_text(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy with its customers, where it has any, as text: 7 and 7.0 are the same one."""
    return frame.assign(customer_id=identifier_text(frame["customer_id"])) if "customer_id" in frame else frame.copy()


def _complete(decisions: pd.DataFrame) -> pd.DataFrame:
    frame = _of_text(decisions)
    frame["as_of"] = read_time_column(frame["as_of"], "as_of").dt.normalize()
    frame["policy_version"] = frame["policy_version"].astype(str)
    if "decision_id" not in frame.columns:
        frame.insert(0, "decision_id", _identity(frame))
    for name, missing in _DEFAULTS.items():
        if name not in frame.columns:
            frame[name] = missing
    return frame


def _missing_columns(frame: pd.DataFrame, needed: tuple[str, ...]) -> list[Problem]:
    absent = [name for name in needed if name not in frame.columns]
    if not absent:
        return []
    given = ", ".join(names_of_columns(frame.columns)[:20])
    return [Problem("decision log", f"columns are missing: {', '.join(absent)}", given, ", ".join(needed))]


def _row_problems(fresh: pd.DataFrame) -> list[Problem]:
    problems = []
    chance = fresh["propensity"].astype(float)
    bad = ~((chance > 0) & (chance <= 1))
    if bad.any():
        hint = "log the probability of the chosen action as it was before chance was asked"
        given = rows_at(bad)
        problems.append(Problem("propensity", "not a probability of something that happened", given, "(0, 1]", hint))
    twice = fresh.duplicated(["customer_id", "as_of"])
    if twice.any():
        problems.append(Problem("decisions", "two decisions for a customer and date", rows_at(twice), "one decision"))
    return problems + _eligible_problems(fresh)


def _eligible_problems(fresh: pd.DataFrame) -> list[Problem]:
    """The chosen action is in the eligible set, and its propensity is the one logged for it."""
    names = [c for c in fresh.columns if c.startswith("propensity_")]
    if not names:
        return []
    actions = [c.removeprefix("propensity_") for c in names]
    at = pd.Index(actions).get_indexer(pd.Index(fresh["action"].astype(str)))
    logged = np.where(at >= 0, fresh[names].to_numpy(dtype=float)[np.arange(len(fresh)), at], np.nan)
    differs = ~(np.abs(logged - fresh["propensity"].to_numpy(dtype=float)) < 1e-9)
    if not differs.any():
        return []
    given = rows_at(differs)
    hint = "propensity is that of the chosen action; actions that were not possible have a missing one"
    return [Problem("action", "not in the eligible set, or with another propensity", given, ", ".join(actions), hint)]


def _clashes(fresh: pd.DataFrame, known: pd.Series, before: pd.DataFrame) -> list[Problem]:
    if not len(before):
        return []
    problems = []
    same = ["decision_id", *_SAME]
    pairs = fresh.loc[known, same].merge(before[same], on="decision_id", suffixes=("", "_before"))
    changed = np.zeros(len(pairs), dtype=bool)
    for name in _SAME:
        changed |= (pairs[name] != pairs[f"{name}_before"]).to_numpy(dtype=bool)
    if changed.any():
        given = f"{int(changed.sum())} row(s)"
        problems.append(Problem("decisions", "known decisions were changed", given, "the log is append-only"))
    key = ["customer_id", "as_of"]
    again = fresh.loc[~known, key].merge(before[key], on=key)
    if len(again):
        days = sorted({f"{day:%Y-%m-%d}" for day in again["as_of"]})
        given = f"{len(again)} row(s), of {', '.join(days[:3])}{', ...' if len(days) > 3 else ''}"
        problems.append(Problem("decisions", "a second decision for a customer and date", given, "one decision"))
    return problems


def _outcome_problems(fresh: pd.DataFrame, decisions: pd.DataFrame) -> list[Problem]:
    problems = []
    lost = ~fresh["decision_id"].isin(decisions["decision_id"])
    if lost.any():
        problems.append(Problem("outcomes", "no such decision", rows_at(lost), "decisions of this log"))
    if not np.isfinite(fresh["outcome"]).all():
        hint = "leave out decisions whose outcome is not known yet"
        problems.append(Problem("outcome", "missing or infinite", "", "a finite number", hint))
    return problems
