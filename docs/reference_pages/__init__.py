"""The pages of docs/reference, each written from the code: one module a page. `docs/generate.py` puts them together."""
