"""The job specification: one pydantic model for REST, the command line and files. Imports no torch."""

from trainers.spec.job import *  # noqa: F403
