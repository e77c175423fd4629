"""A page that runs a network in the browser, on the device that shows it."""
