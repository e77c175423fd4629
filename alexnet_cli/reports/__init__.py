"""Results for people: text, figures and HTML pages."""
