"""Diagnose a deployed stack from outside: check it, and name the root cause of what is wrong.

    cloud, client, stack   what it asks: Azure Resource Manager, the vault, the app, the stack's outputs
    collecting             the answers, as facts
    facts                  what is known, each thing possibly unknown with a reason
    checks                 facts -> passed, failed or skipped, with the evidence
    diagnosis              failed checks -> the one cause, and what follows from it
    remedies               a cause -> the command that mends it
    report                 all of it as a table, or as JSON

It only reads, and never prints a secret.
"""
