"""The switch, the pages and the server, over real sockets."""
