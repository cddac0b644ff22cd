"""The ensemble behind TableClassifier: boosted trees and a linear part, blended and calibrated."""

from __future__ import annotations
