"""Services of the operating system: files, locks, paths, progress, sockets, certificates, child environments."""
