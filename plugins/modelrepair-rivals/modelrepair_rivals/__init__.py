"""What a user could pick instead of modelrepair's own scorers, restated as plug-ins."""
