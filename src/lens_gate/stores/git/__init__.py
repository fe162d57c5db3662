"""The store on a branch of a git repository: one small file per run, written without touching any work tree."""
