"""Files of recordings: what they are, how long, where they are kept, which part of them was asked for."""
