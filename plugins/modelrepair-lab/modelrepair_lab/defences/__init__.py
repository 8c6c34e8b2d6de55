"""Defences of the alignment and the fine-tuning stage, as published or reduced, one a file."""
