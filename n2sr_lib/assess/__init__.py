"""Is an image fit for the method, and can its result be trusted: what can be measured without the truth."""
