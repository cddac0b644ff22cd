"""Ties of our lines to people and numbers, with their rates.

Household, overlapping groups and random weak ties make a clustered network; numbers at fixed lines, services, abroad
and of strangers complete what a bill shows. Alters count on after the people universe.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from custintel.simulate._arrays import Bools, Bytes, Floats, Ints, Singles, Strings
from custintel.simulate._people import People, Population
from custintel.simulate._streams import RandomStreams
from custintel.simulate._usage_config import NetworkConfig, UsageConfig

__all__ = ["DESTINATIONS", "TIE_KINDS", "Network", "make_network"]

DESTINATIONS = ("on_net", "off_net", "fixed", "international", "premium", "service")
TIE_KINDS = ("household", "group", "weak", "fixed", "voicemail", "service", "foreign", "premium", "stranger")


@dataclass(frozen=True)
class Network:
    """Ties with at least one line of ours; `ego` < n always, a tie between two lines of ours appears once.

    Rates are conversations and first calls a month while the tie lives (days `born` to `died`); `alter` is an index into
    all numbers (`alter_number`, `alter_operator`, `destination`), of which the first n are ours.
    """

    n: int  # our lines
    ego: Ints
    alter: Ints
    kind: Bytes  # index in TIE_KINDS
    voice_out: Singles
    voice_in: Singles
    text_out: Singles
    text_in: Singles
    born: Singles
    died: Singles
    alter_number: Strings
    alter_operator: Bytes  # index in OPERATORS
    destination: Bytes  # index in DESTINATIONS, by alter

    @property
    def weight(self) -> Singles:
        """First calls and conversations a month on each tie."""
        return self.voice_out + self.voice_in + self.text_out + self.text_in

    def neighbours(self) -> tuple[Ints, Ints, Floats]:
        """On-net ties as sparse rows (indptr, indices, weights); the weight is what the line sends to the friend."""
        on_net = self.alter < self.n
        ego, alter = self.ego[on_net], self.alter[on_net]
        rows, columns = np.concatenate([ego, alter]), np.concatenate([alter, ego])
        sent = (self.voice_out + self.text_out)[on_net], (self.voice_in + self.text_in)[on_net]
        order = np.argsort(rows, kind="stable")
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=self.n))])
        return indptr, columns[order], np.concatenate(sent)[order].astype(np.float64)
