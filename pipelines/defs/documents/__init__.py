"""Documents: issued content to PDF files."""
