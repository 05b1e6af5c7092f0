"""The version of the distribution and the name of its command, kept apart so that they are read without importing anything."""

VERSION = "0.1.0"
PROGRAM = "dj-process"
