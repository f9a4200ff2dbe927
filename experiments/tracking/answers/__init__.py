"""What each kind of answer writes down."""
