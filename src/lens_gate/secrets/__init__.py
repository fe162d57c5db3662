"""Secret managers: fetching a secret where it lies, when it is needed, into memory alone."""
