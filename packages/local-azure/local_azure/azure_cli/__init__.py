"""The Azure CLI and Microsoft's clients: their installation, sign-in and environment."""
