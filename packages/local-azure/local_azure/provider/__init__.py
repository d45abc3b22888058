"""The Pulumi providers of the local Azure: gRPC on one side, the model on the other."""
