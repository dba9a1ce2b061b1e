"""Real programs that tests start: PostgreSQL, Chromium. Free of pytest, so bench/ may use them."""
