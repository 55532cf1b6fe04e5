"""Running experiments: their list, the pictures they run on, rows and provenance on disk, the trial."""
