"""What is compared, one file each, run as ``python -m benchmarks.contestants.NAME``.

The last line that a contestant prints is a JSON object: what only it knows.
"""
