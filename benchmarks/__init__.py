"""How fast the engine is beside what others would do: `make bench` runs it and writes a page."""
