"""scripts/regenerate: openapi-python-client, driven so that the client comes out as this project wants it."""
