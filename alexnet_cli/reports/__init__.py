"""What people look at: text, figures and HTML pages."""
