"""Readers of measurements: files of one person or many -> diaries whose every entry knows its file and row."""
