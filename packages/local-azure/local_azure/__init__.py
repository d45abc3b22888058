"""A local Azure: runs Pulumi azure-native programs with the real engine on this machine, without a subscription."""
