"""What pyproject.toml cannot say: the packages that are found, and with them the examples, kept beside them."""

from setuptools import find_packages, setup

ROOMS = ("tenure", "experiments", "policies", "optimizer", "sim")

setup(packages=[*find_packages(include=[f"{room}{rest}" for room in ROOMS for rest in ("", ".*")]), "tenure.examples"])
