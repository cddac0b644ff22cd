"""Chains of one operator, such as ``a or b or c`` or ``a + b + c``: long, but not deep.

As written, a chain has a level for each of its terms: three hundred terms would be three hundred levels. Grouped as
halves of halves it has nine. Its SQL stays the same to the letter, because it is written without brackets.

>>> from sqlglot import parse_one
>>> chain = parse_one(" + ".join("abcdefghij"))
>>> even = balance_chains(chain)
>>> even.this.sql(), even.expression.sql()
('a + b + c + d + e', 'f + g + h + i + j')
>>> even.sql()
'a + b + c + d + e + f + g + h + i + j'
"""

from __future__ import annotations

from sqlglot import exp

_SHORT_CHAIN = 8
"""Terms of a chain up to which its levels do not matter, and it stays as it was written."""

CHAINS = (exp.And, exp.Or, exp.Add, exp.Mul)
"""Operators whose terms may be grouped in any way. Sums and products of floats differ in their last digits by the order
in which they are computed: an engine reads the text, which knows no groups, and NumPy takes term by term as well."""


def balance_chains(tree: exp.Expression) -> exp.Expression:
    """The tree with every chain of one operator as halves of halves; nothing else changes.

    A chain ends at a bracket and at any other operator: ``a + b - c + d`` has three levels.
    """
    chains = [node for node in tree.walk() if isinstance(node, CHAINS) and type(node.parent) is not type(node)]
    for chain in chains:
        terms = chain_terms(chain)
        if len(terms) > _SHORT_CHAIN:
            even = _halves(type(chain), terms)
            tree = even if chain is tree else tree
            chain.replace(even)
    return tree


def chain_terms(chain: exp.Expression) -> list[exp.Expression]:
    """The terms of a chain of one operator, in their order; a bracket is a term."""
    found, ahead = [], [chain]
    while ahead:
        node = ahead.pop()
        if type(node) is type(chain):
            ahead += [node.expression, node.this]
        else:
            found.append(node)
    return found


def _halves(kind: type[exp.Expression], terms: list[exp.Expression]) -> exp.Expression:
    if len(terms) == 1:
        return terms[0]
    middle = (len(terms) + 1) // 2
    return kind(this=_halves(kind, terms[:middle]), expression=_halves(kind, terms[middle:]))
