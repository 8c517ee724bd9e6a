"""Measures the client: how it spends the calls of a rate limit, and what it costs beside bare httpx."""
