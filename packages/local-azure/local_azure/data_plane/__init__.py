"""The data plane of the local Azure: what listens and runs. Redis servers, replicas of apps, and their ingress.

It is a process of its own, which the server starts and which ends with it. It reads the resources from the same state
as the server, and makes what runs agree with them.
"""
