"""Find, before a deployment, what would make it fail. It only reads, and never prints a secret.

plan       what will be deployed: from `pulumi preview`, as a process
types      what each resource is called on Azure
look       the questions to Azure, each asked once
checks     a file for each: the facts it needs, the faults it finds, and how each is mended
report     all of it as lines, or as JSON
"""
