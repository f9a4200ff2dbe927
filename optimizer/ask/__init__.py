"""What is asked, in arrays: the problem, the rows of its rules, and who gets the same money. No solver here."""
