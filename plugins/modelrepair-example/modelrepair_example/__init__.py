"""A scorer for modelrepair."""
