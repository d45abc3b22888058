"""This machine: files, locks, paths, progress, sockets, certificates, child environments. It knows nothing of Azure."""
