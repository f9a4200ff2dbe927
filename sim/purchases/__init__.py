"""A firm's purchases: read from its file, kept in a DuckDB file, and each customer's record computed from them."""
