"""The Pulumi engine: how it is found or built, its Python language host, copies of stack configurations, recovery."""
