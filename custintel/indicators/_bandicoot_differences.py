"""Where `cdr_indicators` differs from bandicoot on purpose; docs/parity.md shows this list."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """What bandicoot does, what we do, the test that holds it; ``keys`` are left out where golden files are compared.

    ``keys`` holds (golden file, pattern of its keys); ``*`` stands for every file.
    """

    topic: str
    bandicoot: str
    custintel: str
    test: str
    keys: tuple[tuple[str, str], ...] = ()


DIFFERENCES = (
    Difference(
        "average balance",
        "`average_balance_recharges` takes `min(1, days)` for `max`: four top-ups of 10, ten days apart, give 15 "
        "where 5 is right; one recharge, or recharges of one day, make it fail",
        "`drained_balance_recharges`: each top-up is used up evenly by the next, a gap counts one day at least; "
        "missing with fewer than two top-ups",
        "test_drained_balance",
        (("*", "average_balance_recharges"),),
    ),
    Difference(
        "shape of equal values",
        "skewness ±1 and kurtosis 1 where the mean of equal shares is off in its last digit",
        "skewness 0 and kurtosis 0 of equal values, always (bandicoot's own rule for them)",
        "test_equal_values_have_no_shape",
        (
            (
                "demo_ego_groupby_week.json",
                r"balance_of_contacts__weekday__night__call__(skewness|kurtosis)__(mean|std)",
            ),
        ),
    ),
    Difference(
        "record without antenna",
        "is at one more place, called nowhere",
        "is at no place",
        "test_a_record_without_antenna_is_at_no_place",
    ),
    Difference(
        "half hours",
        "two records in a row at the same half hour of the same day of two months share a bin",
        "a half hour is a half hour of one date",
        "test_half_hours_of_two_months_are_two",
    ),
    Difference(
        "record without other party",
        "is dropped",
        "counts as an interaction, has no contact and no conversation",
        "test_a_record_without_other_party_has_no_contact",
    ),
    Difference(
        "call without length",
        "is dropped",
        "counts as an interaction, has no length",
        "test_a_call_without_length_counts",
    ),
    Difference(
        "records at the same moment",
        "stay in the order of the file",
        "incoming before outgoing, calls before texts: the result does not depend on the order of rows",
        "test_the_order_of_rows_does_not_matter",
    ),
    Difference(
        "recharge without amount",
        "counts as a recharge of 0",
        "is set aside with its reason",
        "test_a_recharge_without_amount_is_set_aside",
    ),
    Difference(
        "no recharges",
        "no keys",
        "the keys are there, their values missing",
        "test_customers_without_recharges_have_missing_values",
    ),
    Difference(
        "records with oneself",
        "are kept",
        "are set aside (self call)",
        "test_records_with_oneself_are_set_aside",
    ),
    Difference(
        "unreciprocated records",
        "dropped from both sides as soon as a network is read",
        "kept; dropped only with `reciprocated=True`, then for every other party that is a customer",
        "test_ego",
    ),
    Difference(
        "as of a date",
        "none: the window ends with the customer's own last record",
        "`as_of=` and `window=`; without them bandicoot's window, so that results can be compared",
        "test_as_of_reads_what_had_arrived",
    ),
)
