"""The steps `report`, `cost` and `export`: from artifacts to files for people and for other tools."""
