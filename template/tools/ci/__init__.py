"""Commands that continuous integration runs in addition to the tests."""
