"""Benign prompts that no scorer, search or gate ever sees: what is lost there is lost unseen."""
