"""The same work, done by other libraries or by hand."""
