"""The composition roots, the only modules that know adapters: `operator` for `backstop run`, `client` for others."""
