"""The pure heart: the call model, what happens to it, and the words every room shares."""
