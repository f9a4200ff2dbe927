"""Why a plan is as it is, and what other questions would answer: built on the stages."""
