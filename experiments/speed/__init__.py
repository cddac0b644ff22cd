"""Parts of feature_speed.py: records, cases, page."""
