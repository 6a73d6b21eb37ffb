"""The HTTP API, /api/v1: declared operations, their models, and the OpenAPI document made of both."""
