"""The resource model's parts: ids, values, the schema, the state, faults, options, long-running operations."""
