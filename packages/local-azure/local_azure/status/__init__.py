"""What the emulator writes about itself for others to read: what runs, ports of the ingress, logs of replicas."""
