"""Status files of the emulator: the runtime status, the ports of the ingress, the logs of replicas."""
