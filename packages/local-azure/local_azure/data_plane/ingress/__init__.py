"""The reverse proxy in front of container apps."""
