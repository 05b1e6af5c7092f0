"""The version of the distribution, kept apart so that it is read without importing anything."""

VERSION = "0.1.0"
