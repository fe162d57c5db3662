"""What a run leaves behind: written, read again, recovered from its journal, and gone on with."""
