"""Published alternatives to modelrepair's own scorers, as plug-ins."""
