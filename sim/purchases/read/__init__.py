"""From what firms have (CSV, Excel, Parquet, JSON, tables of databases) to rows of known columns and types."""
