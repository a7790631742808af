"""Work that happens later: enqueue in the same commit, run in the worker."""
