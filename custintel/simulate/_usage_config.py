"""Parameters of people, cells, network, movement and usage.

Marks as in the reference page `simulator.md`: [P] published, [M] measured by us, [R] recalled, [A] an assumption,
[C] calibrated by us so that the marginal checks of section 11 hold.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field


@dataclass(frozen=True)
class PeopleConfig:
    """Who the customers are (section 0)."""

    segment_shares: tuple[float, ...] = (0.50, 0.40, 0.08, 0.02)  # prepaid, postpaid, small business, key [A]
    market_shares: tuple[float, ...] = (0.42, 0.33, 0.25)  # ours first [M: LOG has four]
    household_sizes: tuple[float, ...] = (0.28, 0.34, 0.17, 0.15, 0.06)  # 1..5 people [A]
    household_operator: float = 0.62  # household shares the operator [A]
    company_operator: float = 0.95  # a company buys from one operator [A]
    local_taste: float = 0.85  # how much neighbourhoods agree on the operator [C]
    household_payer: float = 0.70  # lines of a household on one account [A]
    business_size: float = 3.0  # mean lines of a small business [A]
    key_account_size: float = 25.0  # median lines of a key account; log sd .6 [A]
    trait_household: float = 0.25  # share of trait variance common to a household [A]
    trait_neighbourhood: float = 0.12  # share common to a neighbourhood; gives homophily [A]
    neighbourhood_people: int = 60  # people in a neighbourhood [A]
    joiners_prepaid: float = 0.033  # a month, share of the prepaid base: equals the leavers [A]
    joiners_postpaid: float = 0.013  # the same, postpaid
    port_in: float = 0.40  # joiners who bring their number, leavers who take it: .65 [P: uSwitch]
    port_out: float = 0.65
    tenure_months: tuple[float, float] = (28.0, 70.0)  # mean, prepaid and postpaid [A]
    tenure_cap_months: float = 240.0
    chronotype_sd: float = 1.3  # hours [A]
    chronotype_limit: float = 1.5  # hours; few people rise at three [C]
    business_chronotype: float = 0.4  # of the shift of others [A]
    night_workers: float = 0.012  # day turned by 12 h [A .03, lower so that 3-5 h stays empty: C]
    device_generation: tuple[float, ...] = (0.03, 0.07, 0.52, 0.38)  # 2G, 3G, 4G, 5G [A]


@dataclass(frozen=True)
class CellsConfig:
    """Radio cells, their load and their failures (section 3)."""

    customers_per_cell: int = 700  # [A]
    min_cells: int = 40  # [A]
    regions: int = 4
    # lognormal; 20 % of sites carry 80 % of data [P: Amdocs 2015]; the page has 1.3 [A], which movement dilutes
    weight_sd: float = 2.4  # [C]
    kind_shares: tuple[float, ...] = (0.20, 0.45, 0.15, 0.20)  # office, home, transit, rural [A]
    load_median: float = 0.40  # busy hour; 95 % at .85 [A]
    load_sd: float = 0.43
    load_day_sd: float = 0.10
    drop_mean: float = 0.007  # [P: TRAI 2015 benchmark 2 %], mean [A]
    drop_sd: float = 0.8
    drop_busy_factor: float = 3.0  # at load > .9
    outages_a_year: float = 1.2  # per cell [A]
    outage_median_h: float = 2.5
    outage_sd: float = 1.1
    storms_a_year: float = 1.0  # regional
    storm_hours: float = 36.0
    throughput: tuple[float, ...] = (0.15, 2.4, 11.0, 29.0)  # median Mbit/s, 2G 3G 4G 5G [M: 5G]
    throughput_sd: float = 0.8
    signal_floor_dbm: float = -110.0  # below it throughput falls to a third [M: 5G]


@dataclass(frozen=True)
class NetworkConfig:
    """Who talks with whom, and how much (section 2)."""

    household_weight: tuple[float, float] = (2.0, 0.9)  # log mean, log sd [M: proto 2.2, lower: C]
    group_sizes: tuple[float, ...] = (6.0, 4.7, 3.8)  # mean size, three layers [M: proto 9 8 6, tighter: C]
    group_size_sd: float = 0.6
    group_link: float = 0.70  # chance of a tie inside a group [M: proto .30-.35, tighter: C]
    group_sociability: float = 0.4  # effect of each side's sociability on the log of the chance [C]
    group_weight: tuple[float, float] = (0.6, 1.0)  # [M: proto]
    weak_sociability: float = 1.1  # effect on the log of the chance of a weak tie [C]
    weak_ties: float = 0.65  # random ties per person [M: proto .55, with turnover: C]
    weak_weight: tuple[float, float] = (-0.5, 0.9)  # [M: proto -.3, lower: C]
    direction: float = 4.0  # Beta(4, 4) share of the first side [M: proto]
    strongest: float = 4.0  # weights bend towards this many times the mean [C]
    strength: float = 1.25  # exponent that stretches weights [C]
    life_days: tuple[float, float, float] = (9e6, 400.0, 150.0)  # mean life of household, group, weak ties [C]
    voice_factor_sd: float = 1.45  # person's log rate of calling [C]
    text_factor_sd: float = 2.2  # [C]
    voice_segments: tuple[float, ...] = (0.7, 1.1, 1.6, 1.5)  # factors of calling by segment [A]
    text_age: float = -0.02  # log factor of texting for each year above 40 [A]
    factor_correlation: float = 0.25  # between calling and texting [C]
    factor_sociability: float = 0.5  # correlation of both with sociability [A]
    spell_days: int = 15  # ties are lively for a while, then quiet [C]
    spell_on: float = 0.36  # share of lively spells [C]
    spell_off: float = 0.06  # rate in a quiet spell against a lively one [C]
    call_only: float = 0.29  # ties with calls that have no texts [M: CNS, 71 % also text]
    text_only: float = 0.15  # ties without calls [M: CNS, 63 % of text pairs call]
    calls_per_day: float = 4.0  # records out + in, a line and day [A]
    texts_per_day: float = 4.0  # [A]
    fixed_ties: float = 1.5  # numbers at fixed lines, a line [A]
    voicemail_lines: float = 0.7  # lines that use their voicemail [A]
    foreign_lines: float = 0.10  # lines with ties abroad [A]
    premium_lines: float = 0.04  # [A]
    other_sd: float = 1.1  # log sd of rates to numbers that are not people [A]
    # kind of number, share of all calls, outgoing part [M: LOG 11 % fixed, 7 % voicemail; the others A]
    others: tuple[tuple[str, float, float], ...] = (
        ("fixed", 0.10, 0.55),
        ("voicemail", 0.04, 1.0),
        ("service", 0.02, 0.8),
        ("foreign", 0.02, 0.55),
        ("premium", 0.001, 1.0),
        ("stranger", 0.03, 0.4),  # one-off numbers
    )
    service_texts_per_month: float = 2.5  # passcodes and notices received [A]


@dataclass(frozen=True)
class MobilityConfig:
    """Where the customers are (section 3)."""

    # hours; shares of home, work, third place on weekdays and on weekends; over all time .45 / .25 / .10 [A]
    place_hours: tuple[tuple[tuple[int, int], tuple[float, float, float], tuple[float, float, float]], ...] = (
        ((0, 7), (0.85, 0.03, 0.04), (0.78, 0.02, 0.07)),
        ((7, 9), (0.42, 0.20, 0.06), (0.65, 0.02, 0.08)),
        ((9, 17), (0.18, 0.46, 0.08), (0.42, 0.04, 0.18)),
        ((17, 22), (0.42, 0.06, 0.16), (0.42, 0.02, 0.18)),
        ((22, 24), (0.72, 0.03, 0.09), (0.60, 0.02, 0.14)),
    )
    no_work: float = 0.25  # lines without a place of work or school [A]
    cells_a_month: tuple[float, float] = (24.0, 0.9)  # median and log sd of the places within reach [C]
    places: int = 48  # longest list of places kept
    renewed: float = 0.7  # explored places that are new each month [P: Cuttone 2018, 70 % seen once]
    immobile: float = 0.08  # never leave two cells [A]
    stay_hours: int = 2  # a place is kept for this long [C]
    trips_a_year: float = 1.0  # abroad, a customer [A]
    trip_days: tuple[float, float] = (6.0, 0.6)  # median, log sd
    summer_factor: float = 2.5  # June to August [A]
    countries: int = 12
    roaming_voice: float = 0.6  # use abroad against home [A]
    roaming_data: float = 0.35
    fallback: float = 0.15  # records on an older technology than possible [M: 5G, less]


@dataclass(frozen=True)
class ClockConfig:
    """Hours and days (section 1.4): per cent an hour from 0 to 23 h, and factors Monday to Sunday."""

    calls: tuple[float, ...] = (
        1.3, 0.7, 0.1, 0.04, 0.03, 0.06, 0.5, 1.7, 3.2, 5.2, 6.0, 6.6,
        7.4, 6.8, 6.8, 7.2, 7.9, 9.4, 8.0, 6.6, 5.6, 3.9, 3.1, 2.2,
    )  # fmt: skip  # [A, between CNS and LOG; small hours lower, because chronotypes fill them: C]
    texts: tuple[float, ...] = (
        0.7, 0.4, 0.2, 0.1, 0.0, 0.0, 0.8, 2.9, 4.1, 5.5, 5.2, 5.9,
        6.9, 6.0, 5.7, 5.7, 7.0, 7.1, 5.8, 6.6, 6.8, 6.0, 4.2, 2.0,
    )  # fmt: skip  # [M: CNS; late hours lower, because conversations run on into them: C]
    data: tuple[float, ...] = (
        2.6, 1.6, 1.0, 0.7, 0.6, 0.8, 1.8, 3.3, 4.2, 4.4, 4.6, 4.9,
        5.6, 5.3, 5.0, 5.0, 5.3, 5.8, 6.0, 6.2, 6.6, 7.0, 6.4, 5.3,
    )  # fmt: skip  # [A]
    calls_week: tuple[float, ...] = (1.0, 1.0, 1.0, 1.02, 1.12, 0.88, 0.83)  # [A 1.15 .85 .80, damped: C]
    texts_week: tuple[float, ...] = (1.03, 0.98, 1.03, 1.03, 1.10, 0.88, 0.95)  # [M: CNS, damped]
    data_week: tuple[float, ...] = (0.98, 0.98, 0.98, 0.98, 1.0, 1.05, 1.05)  # [A]
    business_week: tuple[float, ...] = (1.25, 1.3, 1.3, 1.3, 1.25, 0.32, 0.28)  # 85 % within Mon-Fri 8-18 h [A]
    business_hours: float = 0.88  # share of a business line's weekday use within 8-18 h [A]
    weekend_delay: float = 1.5  # hours [A]
    weekend_late: float = 0.03  # share moved into 0-5 h on weekends [M: CNS, damped]
    holidays: tuple[tuple[int, int], ...] = ((1, 1), (5, 1), (12, 24), (12, 25), (12, 26), (12, 31))
    holiday_calls: float = 0.75  # [A]
    holiday_texts: float = 1.5  # greetings [A]
    growth: tuple[float, float, float] = (-0.03, -0.08, 0.05)  # calls, texts, sessions: log growth a year [A]
    weekly_rho: float = 0.9  # slow drift of a person's rate [A]
    weekly_sd: float = 0.25  # [A]
    weekly_noise_sd: float = 0.25  # change from week to week that does not last [C]
    daily_shape: float = 1.2  # gamma [A]
    daily_common: float = 0.5  # share of the daily factor that calls and texts have in common [A]


@dataclass(frozen=True)
class VoiceConfig:
    """Calls (1.2, 1.3, 1.5)."""

    unanswered: float = 0.19  # of attempts [A .20, with zero-second calls 16 % M: CNS]
    call_back: float = 0.24  # the callee calls back; with retries and chance .35 within 1 h [M: CNS 41 %, C]
    call_back_delay: tuple[float, float] = (335.0, 1.2)  # median s, log sd [M: CNS]
    call_back_stranger: float = 0.07  # of missed calls from unknown numbers [A]
    text_back: float = 0.10  # a text instead [M: CNS 18 % within 1 h, partly by chance]
    retry: float = 0.34  # the caller tries again [M: CNS 42 % within 1 h]
    retry_delay: tuple[float, float] = (150.0, 1.5)
    follow_up: float = 0.37  # another call on the tie [M: proto .28, raised: C]
    follow_up_delay: tuple[float, float] = (150.0, 1.6)  # exp N(5.0, 1.6) [M: proto]
    generations: int = 6
    short: float = 0.25  # voicemail and the like, of answered [M: CNS]
    short_duration: tuple[float, float] = (5.0, 0.5)
    duration_median: float = 50.0  # s [M: CNS]
    duration_user_sd: float = 0.6
    duration_shape: float = 1.45  # log-logistic [P: Vaz de Melo 2010, M: CNS]
    duration_cap: float = 7200.0
    mean_seconds: float = 101.0  # of answered calls, measured on the recipe [C]
    multiplier: float = 1.62  # records a seed call grows into, measured on the recipe [C]


@dataclass(frozen=True)
class TextConfig:
    """Texts (1.5)."""

    reply: float = 0.80  # [M: proto]
    hot: float = 0.60  # chats that go on [M: proto]
    hot_continue: float = 0.85  # [M: proto .92, lower: Fano and week-to-week ranks hold: C]
    cold_continue: float = 0.50  # [M: proto]
    same_sender: float = 0.29  # [M: CNS]
    delay: tuple[float, float] = (4.4, 1.6)  # log s, log sd [M: proto]
    longest: int = 60  # texts a conversation
    longest_delay: float = 43200.0  # s
    multiplier: float = 4.8  # texts a seed grows into [C]


@dataclass(frozen=True)
class DataConfig:
    """Data sessions (1.1)."""

    sessions_per_day: float = 2.5  # records a line and day [A]
    session_sd: float = 0.5  # log sd between lines
    no_data: float = 0.07  # lines without data [A]
    month_mb: float = 4900.0  # a line and month, median of expectations; realised median 4 GB [A, C]
    month_sd: float = 1.15  # [A 1.3 in all, the rest from segment and device: C]
    volume_sd: float = 1.8  # log sd of sessions within a line [A]
    volume_growth: float = 0.12  # of sessions, log growth a year [A]
    appetite: float = 0.8  # correlation of volume with data appetite [A]
    segment_factor: tuple[float, ...] = (0.8, 1.2, 1.0, 0.9)  # by segment [A]
    device_factor: tuple[float, ...] = (0.0, 0.4, 0.9, 1.4)  # 2G to 5G [A]
    session_cap_mb: float = 60_000.0
    duration: tuple[float, float] = (600.0, 1.2)  # median s, log sd [A]


@dataclass(frozen=True)
class UsageConfig:
    """All of use."""

    clock: ClockConfig = field(default_factory=ClockConfig)
    voice: VoiceConfig = field(default_factory=VoiceConfig)
    texts: TextConfig = field(default_factory=TextConfig)
    data: DataConfig = field(default_factory=DataConfig)


@dataclass(frozen=True)
class WorldConfig:
    """The world in which the operator works."""

    start: dt.date = dt.date(2025, 1, 1)
    people: PeopleConfig = field(default_factory=PeopleConfig)
    cells: CellsConfig = field(default_factory=CellsConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    mobility: MobilityConfig = field(default_factory=MobilityConfig)
    usage: UsageConfig = field(default_factory=UsageConfig)
