"""A local Azure: the real Pulumi engine and program on a machine without a subscription.

`./local` at the top of the project is the front door; `local_azure.server.main` is the process behind it.
"""
