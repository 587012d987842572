"""One file per task: what its labels mean, its metrics, and the mistakes worth reading. No torch at import."""
