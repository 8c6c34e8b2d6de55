"""The protocol of the paper on real models: its data sets and splits, and its tests."""
