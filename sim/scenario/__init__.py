"""The scenario file: frozen, validated, every default with its unit and source on its line."""
