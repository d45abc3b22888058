"""The redis-server processes behind each cache."""
