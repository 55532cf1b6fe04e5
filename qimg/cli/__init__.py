"""The `qimg` command: one file for each verb."""
