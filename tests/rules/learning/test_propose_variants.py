"""Variants of known rules: a better one is proposed, a good rule is left alone."""

from __future__ import annotations

from sim_box_lines import active, lines

from custintel.rules.learning._propose_variants import propose_variants


def test_a_better_variant_is_proposed_with_its_parent() -> None:
    X, y = lines()
    base = active(("box", "calls > 40 and cells <= 8"))
    found = propose_variants(base, X, y)
    assert len(found) == 1
    rule = base[found.loc[0, "rule"]]
    assert rule.origin == "derived"
    assert rule.parents == (base["box"].id,)
    new_X, new_y = lines(seed=5)
    before, after = (new_y[base.match(new_X, s)[n]].mean() for s, n in (("active", "box"), ("proposed", rule.name)))
    assert after > before + 0.1
    assert base.entry(rule.id).state == "proposed"


def test_a_good_rule_is_left_alone() -> None:
    X, y = lines()
    assert propose_variants(active(("box", "calls > 70 and cells <= 8")), X, y).empty
