"""The store in an SQL database: the bytes, the entry, and the tables that dashboards query, in one transaction."""
