"""Files of recordings: what they are, how long, where they are kept, what is made of them and given out."""
