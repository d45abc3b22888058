"""The server process and its life: start, stop, find."""
