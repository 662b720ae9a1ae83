"""The matrix of bad input: every operation, parameter and value of one table, on both APIs."""
