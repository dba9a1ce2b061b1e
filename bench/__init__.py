"""The speed and memory figures, as ratios of one run: machines differ, ratios travel."""
