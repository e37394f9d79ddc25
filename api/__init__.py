"""HTTP and the command line. `api.app` is the one place that joins engine, handlers and configuration."""
