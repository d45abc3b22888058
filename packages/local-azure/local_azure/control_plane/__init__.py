"""The resource model: every operation of Azure Resource Manager on the state, and drift."""
