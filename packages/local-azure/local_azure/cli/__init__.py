"""The command line: local-azure."""
