"""A corpus of models of which it is known what was done to each: what an audit is judged by."""
