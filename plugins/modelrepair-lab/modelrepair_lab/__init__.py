"""The laboratory of modelrepair: models that are broken on purpose, and what repairs them.

Everything here works on folders of this machine, and what it makes is marked and never pushed.
"""
