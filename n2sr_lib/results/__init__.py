"""From run records to tables and verdicts: what each notebook shows, and what is said of each claim."""
