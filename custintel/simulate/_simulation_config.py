"""Parameters of the operator: one typed, frozen configuration; every number can be overridden.

Marks as in the reference page `simulator.md`: [P] published, [M] measured by us, [A] an assumption, [C] calibrated by
us so that the marginal checks of section 11 hold. Money is in units u; a month of postpaid service is about 30 u.

>>> from dataclasses import replace
>>> config = SimulationConfig(fraud=FraudConfig(intensity=0.0))
>>> replace(config, dirt=DirtConfig.clean()).dirt.duplicates
0.0
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from custintel.simulate._usage_config import WorldConfig

if TYPE_CHECKING:
    import datetime as dt


@dataclass(frozen=True)
class ExtendedFraudConfig:
    """Further kinds a month and 100,000 lines, each with its recipe; off unless `FraudConfig.extended` is set.

    The time is cut into thirds, the regimes: what a kind does changes from one to the next. The late kinds begin with
    the last third.
    """

    scam_dialler: float = 12.0
    wangiri: float = 4.0
    irsf: float = 6.0
    pbx: float = 1.5
    sim_swap: float = 3.0
    late_kinds: tuple[str, ...] = ("scam_dialler",)
    look_alikes: float = 1.2  # lines that look like a kind for each line that is one
    life: tuple[float, float] = (6.0, 0.4)  # days of diallers and Wangiri lines: median, log sd
    lag_days: tuple[float, ...] = (6.0, 2.0, 1.0, 2.0, 1.0)  # dialler, wangiri, irsf, pbx, swap: median lag [A]
    losses: tuple[float, ...] = (60.0, 500.0, 1200.0, 2500.0, 300.0)  # u, medians [A]
    lag_sd: float = 0.6
    undetected: float = 0.20
    scam_calls: tuple[float, float] = (150.0, 600.0)  # a day [A]
    wangiri_calls: tuple[float, float] = (300.0, 900.0)  # an hour, cut from 600-3,000 [A]
    called_back: float = 0.04  # of those called, within an hour [P: 3-5 %]
    parallel: tuple[int, int] = (3, 8)  # calls at a time of stolen SIMs and switchboards
    bust_out: float = 0.30  # never-payers who call abroad in weeks 3 to 5
    ring: int = 16  # SIM boxes and faked lines that share one device


@dataclass(frozen=True)
class PlanConfig:
    """One tariff: postpaid prices include tax; prepaid prices are what the balance loses."""

    plan_id: str
    billing_type: str
    fee: float
    minutes: float
    sms: float
    data_gb: float
    per_minute: float
    per_sms: float
    per_gb: float  # 0: speed falls beyond the allowance instead


@dataclass(frozen=True)
class PlansConfig:
    """Tariffs, contracts and how people choose (section 4)."""

    plans: tuple[PlanConfig, ...] = (
        PlanConfig("flex", "prepaid", 0.0, 0, 0, 0, 0.09, 0.05, 1.2),
        PlanConfig("pack_s", "prepaid", 7.0, 100, 50, 3, 0.06, 0.04, 1.0),
        PlanConfig("pack_m", "prepaid", 10.0, 300, 200, 8, 0.06, 0.04, 1.0),
        PlanConfig("pack_l", "prepaid", 15.0, 1000, 1000, 25, 0.05, 0.03, 0.0),
        PlanConfig("post_10", "postpaid", 10.0, 200, 200, 2, 0.08, 0.05, 2.0),
        PlanConfig("post_15", "postpaid", 15.0, 500, 500, 5, 0.08, 0.05, 2.0),
        PlanConfig("post_22", "postpaid", 22.0, 1000, 1000, 10, 0.06, 0.04, 2.0),
        PlanConfig("post_30", "postpaid", 30.0, 2000, 2000, 20, 0.06, 0.04, 0.0),
        PlanConfig("post_45", "postpaid", 45.0, 4000, 3000, 50, 0.05, 0.04, 0.0),
        PlanConfig("post_70", "postpaid", 70.0, 10000, 5000, 100, 0.05, 0.03, 0.0),
    )  # six postpaid fees 10..70 u, 2-100 GB, overage 2.0 u/GB, cap in half [A]
    need_error: float = 0.5  # sd of log use with which the plan is chosen [A]
    unsuitable: float = 0.12  # hold a plan that never fitted [A]
    contract_months: tuple[int, ...] = (0, 12, 24)
    contract_shares: tuple[float, ...] = (0.25, 0.30, 0.45)  # [A]
    renewal: float = 0.62  # commit again when the contract ends [A]
    upgrade_after_overage: float = 0.04  # a month, after paying for overage [A]
    upgrade_when_slow: float = 0.005  # a month, after using up an allowance without overage [A]
    device_share: float = 0.45  # bundle a device, of those with a contract [A]
    device_monthly: tuple[float, float] = (9.0, 0.5)  # median u a month, log sd [A]
    promotion: float = 0.25  # new contracts with a discount for some months [A]
    promotion_share: tuple[float, ...] = (0.15, 0.30, 0.50)
    promotion_months: tuple[int, ...] = (6, 12)


@dataclass(frozen=True)
class BillConfig:
    """Postpaid bills (section 4)."""

    cycle_days: tuple[int, ...] = (10, 12, 14, 16, 18, 20, 22, 24, 26, 28)  # ten dates [A]
    due_days: int = 18  # [A]
    tax: float = 0.20  # [A]
    minimum_s: int = 60  # calls are charged by the second after the first minute [A]
    roaming_minute: float = 0.10  # u with tax [A]
    roaming_sms: float = 0.08
    roaming_gb: float = 0.8
    international_minute: float = 0.16
    premium_minute: float = 0.60
    international_sms: float = 0.10
    error: float = 0.0010  # bills with a fee charged twice, a month [A: 5 % of bill shocks]
    error_credit: float = 0.6  # of them repaid with the next bill
    shock_ratio: float = 1.3  # of the own six-month mean [A]
    shock_amount: float = 8.0  # u above it [A]


@dataclass(frozen=True)
class PaymentConfig:
    """Payments and the ladder of arrears (section 5)."""

    automatic: float = 0.55  # [A]
    failed_debit: float = 0.008  # a bill [A]
    early: tuple[float, float, float] = (0.62, -5.0, 4.0)  # share, mean and sd of days from the due day [A]
    reminder: tuple[float, float, float] = (0.18, 4.0, 3.0)  # [C: .22]
    # [C: .16, 14, .8 together with the spells]
    late: tuple[float, float, float] = (0.07, 12.0, 0.6)  # share, median days, log sd
    spell: float = 0.0245  # bills that begin a time without money [C]
    spell_discipline: float = 0.55  # effect of little discipline on the log of it [A]
    spell_liquidity: float = 0.75
    spell_shock: float = 1.0  # after bill shock [P: ACMA 2012, direction]
    spell_survival: tuple[float, ...] = (0.60, 0.36, 0.26, 0.22)  # still unpaid 30, 60, 90, 150 days after due [C]
    soft_bar_days: int = 30  # after the bill, outgoing stopped; casual lateness is not barred
    hard_bar_days: int = 50
    termination_days: int = 108  # after the bill
    write_off_days: int = 160


@dataclass(frozen=True)
class RechargeConfig:
    """Prepaid top-ups (section 4)."""

    amounts: tuple[int, ...] = (5, 10, 15, 20, 30)
    shares: tuple[float, ...] = (0.28, 0.38, 0.15, 0.14, 0.05)  # [A]
    validity_days: int = 28  # [P: Roy Morgan 2015, four weeks]
    error: float = 0.06  # log sd of those who keep to the validity [C]
    irregular: float = 0.40  # lines that top up when the balance runs low [C]
    irregular_error: float = 0.35  # log sd [A]
    payday: float = 1.4  # first days of the month [A]
    overdue_per_day: float = 0.40  # chance a day to top up an empty balance [A]


@dataclass(frozen=True)
class ChurnConfig:
    """Two-stage churn (section 10.1): weekly hazard of the decision, then a delay until the exit."""

    base: tuple[float, ...] = (-5.08, -5.52, -5.70, -6.7)  # prepaid, postpaid, small business, key account [C]
    k: float = 1.3  # strength of all that can be explained [M: proto, 1.3-1.5]
    satisfaction: float = -0.55
    satisfaction_trait: float = 0.60  # sd of the level to which satisfaction returns [C]
    price: float = 0.25
    friends: float = 0.40
    bill_shock: float = 0.20  # [C: ratio 1.4-2.2]
    outage_inside: float = 0.5
    outage_outside: float = 1.2
    outage: float = 0.22  # [C: .35; one storm must not make the year]
    complaint: float = 0.43  # [C: ratio 2-4]
    contract_ending: float = 1.35
    contract_inside: float = -0.5
    contract_price: float = 0.35
    new: float = 0.60  # [C: .4; makes up for the restless who have left]
    tenure: float = -0.0025
    season: float = 0.06
    value: float = -0.15
    drift: float = 0.10  # a year; makes up for the restless who have left [C]
    frailty: float = 0.3
    barred: float = 1.1  # log of the factor while barred [A: x 3]
    keep: float = 0.82  # memory a week [A]
    friends_half_life: float = 4.0  # weeks [P: Haenlein 2013]
    friends_cap: float = 3.0
    satisfaction_keep: float = 0.97
    satisfaction_noise: float = 0.15
    satisfaction_outage: float = -0.12
    satisfaction_shock: float = -0.4
    network_quality: float = 0.02
    contract_window: int = 8  # last weeks
    sudden: float = 0.40  # leave within days [A]
    sudden_delay: tuple[float, float] = (4.0, 0.6)  # median days, log sd
    fade_delay: tuple[float, float] = (24.0, 0.5)  # [A]
    fade_weeks: float = 4.0
    port_out_prepaid: float = 0.40  # prepaid leavers who keep their number and tell us; the others fall silent [A]
    warm_up_weeks: int = 12  # before the data, in which some decide who leave later
    shock_rate: float = 0.02  # bill shocks a month that the truth expects
    branches: int = 8  # futures along which the hazard is integrated for p_state
    deaths: float = 0.0003  # a month [A]
    sim_swaps: float = 0.010  # a month (10.3)
    number_changes: float = 0.002
    transfers: float = 0.001


@dataclass(frozen=True)
class DipConfig:
    """Dips of use that end without leaving (1.6): share a month, weeks (low, high), what is left of calls and data."""

    holiday: tuple[float, float, float, float, float] = (0.10, 1.0, 3.0, 0.35, 0.45)
    illness: tuple[float, float, float, float, float] = (0.020, 1.0, 3.0, 0.40, 0.60)
    second_sim: tuple[float, float, float, float, float] = (0.012, 4.0, 26.0, 0.40, 0.35)
    wifi: tuple[float, float, float, float, float] = (0.020, 4.0, 30.0, 0.95, 0.25)


@dataclass(frozen=True)
class CareConfig:
    """Care contacts and complaints (section 6)."""

    monthly: float = 0.225  # contacts without complaints, a customer and month [A]
    dispersion: float = 0.5  # r of the negative binomial [A]
    complaints: float = 0.0185  # at rest; with memories about 2.5 % a month [C]
    dissatisfaction: float = 0.5
    outage: float = 1.2
    bill_shock: float = 1.5
    solved: float = 0.72  # first-contact resolution [A]
    resolution: tuple[float, float] = (2.0, 1.2)  # median days, log sd [A]
    reopened: float = 0.12
    solved_effect: float = -0.25  # on the memory of complaints [C: hazard x .85]
    badly_effect: float = 1.0  # [C: hazard x 2.2]
    topics: tuple[str, ...] = ("network", "billing", "service", "data_cap", "price", "contract", "outage", "other")
    topic_shares: tuple[float, ...] = (0.31, 0.26, 0.17, 0.10, 0.06, 0.05, 0.03, 0.02)  # [M: FCC]
    hours: tuple[float, ...] = (
        1.5, 0.8, 0.4, 0.3, 0.3, 0.6, 1.5, 3.0, 4.5, 6.5, 7.5, 7.5,
        7.0, 6.8, 7.0, 7.0, 6.5, 5.5, 4.5, 4.0, 4.0, 5.0, 5.5, 2.8,
    )  # fmt: skip  # [M: FCC, plateau 9-17 h, second hump 21-23 h]


@dataclass(frozen=True)
class AppConfig:
    """Kinds of app of data sessions, in the order of `APPS`."""

    shares: tuple[float, ...] = (0.20, 0.06, 0.26, 0.20, 0.06, 0.22)  # of sessions, at the start [A]
    age: float = 0.30  # log weight of video and social by 15 years of age less than 45, games twice [A]
    appetite: float = 0.20
    sociability: float = 0.20
    business: float = 0.7
    taste: float = 0.4  # sd of a line's own log weights [A]
    messaging_growth: float = 0.15  # log growth of the weight a year: texts move there [A]
    size: float = 0.6  # correlation of a session's size with the weight of its app [A]


@dataclass(frozen=True)
class ArrearsConfig:
    """Reminders and promises; warning and suspension are the days of the bars of `PaymentConfig`."""

    reminder_days: int = 5  # past due [A]
    promise: float = 0.35  # of bills overdue when the payer is asked [A]
    promise_days: tuple[int, int] = (6, 30)  # past due when that is [A]
    promise_lengths: tuple[int, ...] = (7, 14)  # days given
    promises: int = 2  # about one bill
    again: float = 0.5  # after one that was broken
    realism: float = 1.2  # log odds to name a day on which there will be money [A]
    discipline: float = 0.8  # effect on them


@dataclass(frozen=True)
class SurveyConfig:
    """How likely are you to recommend us, 0 to 10."""

    a_year: float = 2.0  # times a line is asked [A]
    answer: float = -1.7  # log odds to answer at ordinary satisfaction: 15 % [A]
    answer_satisfaction: float = 0.30
    mean: float = 7.3  # [A]
    satisfaction: float = 1.9  # points by unit of satisfaction
    complaint: float = 0.8
    noise: float = 1.6


@dataclass(frozen=True)
class OfferConfig:
    """One offer: tau = a + b fit + c price - d tolerance + noise, on the log hazard (section 7)."""

    offer_id: str
    name: str
    kind: str
    channel: str
    cost: float  # of an acceptance
    contact_cost: float
    a: float
    fit: float
    price: float
    tolerance: float
    noise: float
    take_up: float
    treated: float  # probability to be contacted, of those eligible
    control: float  # probability to be logged as control
    effect_when: tuple[tuple[str, float], ...] = ()  # on the log hazard, by the situation on the day (`SITUATIONS`)
    take_up_when: tuple[tuple[str, float], ...] = ()  # on the log of the chance to accept
    instalment: float = 0.0  # u a month that acceptance adds to the bill
    postpaid_only: bool = False
    least_margin: float = -1e9  # u a year that acceptance must be planned to bring, or the offer is not made


# a: effect on the log hazard of everybody; then weights of fit, price sensitivity and intolerance; noise
FIVE_OFFERS = (
    OfferConfig("discount", "15 % off for six months", "discount", "app", 0.0, 0.01,
                -0.26, -0.12, -0.16, 0.14, 0.20, 0.09, 0.06, 0.03,
                take_up_when=(("price", 0.4),), postpaid_only=True),
    OfferConfig("device", "New phone by instalments", "device", "call", 150.0, 2.5,
                0.05, 0.0, 0.0, 0.08, 0.15, 0.03, 0.06, 0.03,
                effect_when=(("contract_ending", -0.50),), take_up_when=(("contract_ending", 1.3), ("spend", 0.4)),
                instalment=17.5, postpaid_only=True),
    OfferConfig("bonus_data", "10 GB more for a month", "bonus_data", "sms", 2.0, 0.02,
                -0.13, -0.07, -0.04, 0.06, 0.08, 0.02, 0.06, 0.03, take_up_when=(("data", 0.6),)),
    OfferConfig("plan_advice", "The plan that fits", "plan_advice", "email", 0.0, 0.005,
                0.0, 0.0, 0.0, 0.08, 0.12, 0.02, 0.06, 0.03,
                effect_when=(("moves_up", -0.20), ("overpays_in_contract", 0.25)),
                take_up_when=(("moves_up", 1.2), ("moves_down", 1.0)), least_margin=-120.0),
    OfferConfig("service_call", "A call about the complaint", "service_call", "call", 0.0, 2.5,
                0.02, 0.0, 0.0, 0.08, 0.08, 0.25, 0.06, 0.03,
                effect_when=(("bad_complaint", -0.40),), take_up_when=(("bad_complaint", 0.5),)),
)  # fmt: skip


@dataclass(frozen=True)
class CampaignConfig:
    """Campaigns with logged propensity: by default two randomised offers; `five_offers` has all kinds."""

    offers: tuple[OfferConfig, ...] = (
        OfferConfig("discount", "15 % off for six months", "discount", "call", 27.0, 2.5,
                    -0.30, -0.12, -0.16, 0.14, 0.20, 0.09, 0.06, 0.03, postpaid_only=True),
        OfferConfig("bonus_data", "10 GB more for a month", "bonus_data", "sms", 2.0, 0.02,
                    -0.13, -0.07, -0.04, 0.05, 0.08, 0.02, 0.10, 0.05),
    )  # fmt: skip
    hold_out: float = 0.10  # never contacted [A]
    day: int = 10  # of the month
    half_life_weeks: float = 10.0
    effect_weeks: int = 13
    first_month: int = 1
    rest_days: int = 0  # after an acceptance, before the same offer is made again
    truth: bool = False  # keep the truth of every offer for every line, contacted or not: `offer_effects`

    @classmethod
    def five_offers(cls) -> CampaignConfig:
        """One offer of each kind of section 7; what they do depends on the customer and on the day [A]."""
        return cls(offers=FIVE_OFFERS, hold_out=0.0, rest_days=180, truth=True)


@dataclass(frozen=True)
class FraudConfig:
    """Kinds of fraud, a month and 100,000 lines (section 8); `extended` adds further kinds and innocent look-alikes."""

    intensity: float = 1.0  # multiplies the rates; recorded in the truth
    sim_box: float = 20.0
    never_payer: float = 9.0
    dealer: float = 25.0
    sim_box_life: tuple[float, float] = (9.0, 0.9)  # median days, log sd
    sim_box_calls: tuple[float, float] = (60.0, 250.0)  # a day
    dealer_days: tuple[int, ...] = (30, 60, 90)
    lag_days: tuple[float, float, float] = (6.0, 55.0, 60.0)  # median detection lag: box, never-payer, dealer
    lag_sd: float = 0.6
    undetected: float = 0.20
    false_labels: float = 0.03
    extended: ExtendedFraudConfig | None = None  # further kinds, look-alikes and drift; off by default


@dataclass(frozen=True)
class DirtConfig:
    """Delay, dirt and missing values (10.3)."""

    within_day: float = 0.06
    within_3_days: float = 0.015
    within_30_days: float = 0.005
    feed_outage_days: float = 2.0  # once a year
    duplicates: float = 0.0015
    near_duplicates: float = 0.0005
    epoch_dates: float = 0.0002
    negative_durations: float = 0.0002
    unknown_cells: float = 0.0001
    self_calls: float = 0.0001
    missing_cell: float = 0.02
    missing_cell_roaming: float = 0.05
    missing_device: float = 0.04
    missing_birth_year: float = 0.12
    clock_cells: float = 1 / 60
    wrong_causes: float = 0.015

    @classmethod
    def clean(cls) -> DirtConfig:
        """Return a configuration without dirt and without delay."""
        return cls(**{one.name: 0.0 for one in fields(cls)})


@dataclass(frozen=True)
class SimulationConfig:
    """Everything the simulator can be told.

    Examples
    --------
    >>> SimulationConfig().start.isoformat()
    '2025-01-01'
    """

    world: WorldConfig = field(default_factory=WorldConfig)
    plans: PlansConfig = field(default_factory=PlansConfig)
    bills: BillConfig = field(default_factory=BillConfig)
    payments: PaymentConfig = field(default_factory=PaymentConfig)
    recharges: RechargeConfig = field(default_factory=RechargeConfig)
    churn: ChurnConfig = field(default_factory=ChurnConfig)
    dips: DipConfig = field(default_factory=DipConfig)
    care: CareConfig = field(default_factory=CareConfig)
    apps: AppConfig = field(default_factory=AppConfig)
    arrears: ArrearsConfig = field(default_factory=ArrearsConfig)
    surveys: SurveyConfig = field(default_factory=SurveyConfig)
    campaigns: CampaignConfig = field(default_factory=CampaignConfig)
    fraud: FraudConfig = field(default_factory=FraudConfig)
    dirt: DirtConfig = field(default_factory=DirtConfig)

    @property
    def start(self) -> dt.date:
        """First day of the data."""
        return self.world.start

    @classmethod
    def fraud_study(cls, intensity: float = 8.0) -> SimulationConfig:
        """The usual operator with all kinds of fraud, their drift, a late kind, and innocent look-alikes.

        Parameters
        ----------
        intensity : float
            Multiplies all rates of fraud, so that small bases have enough cases; recorded in the truth.

        Examples
        --------
        >>> SimulationConfig.fraud_study(5).fraud.extended.late_kinds
        ('scam_dialler',)
        """
        return cls(fraud=FraudConfig(intensity=intensity, extended=ExtendedFraudConfig()))

    @classmethod
    def offer_study(cls) -> SimulationConfig:
        """The usual operator with five kinds of offers, whose truth is kept for every customer.

        Examples
        --------
        >>> [offer.kind for offer in SimulationConfig.offer_study().campaigns.offers]
        ['discount', 'device', 'bonus_data', 'plan_advice', 'service_call']
        """
        return cls(campaigns=CampaignConfig.five_offers())
