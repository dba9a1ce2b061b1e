"""The codec: pure functions between bytes and values in the vendor's words, in both directions."""
