"""Where things move, one verb a file: intake, lanes, reconciling, live cards, lookup, dial, recordings."""
