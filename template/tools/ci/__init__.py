"""What continuous integration runs beside the tests."""
