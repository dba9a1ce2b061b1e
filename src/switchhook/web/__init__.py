"""The hub's own pages and the way in for peers: the only room that knows the web framework."""
