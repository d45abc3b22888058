"""The server process: start, stop, log."""
