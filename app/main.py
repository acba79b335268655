"""The api process: `create_app` builds the FastAPI application from a container."""
