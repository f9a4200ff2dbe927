"""The only room that knows the solvers: states programmes, solves them, checks every answer itself."""
