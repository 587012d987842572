"""The report: records in, one self-contained HTML file out. Knows no task. No torch at import."""
