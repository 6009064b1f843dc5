"""One picture a file: from the typed result of a diagnostic to a matplotlib figure. No window system is touched."""
