"""What users may configure: one strict schema, its readers, and its templates."""
