"""Measures the mock beside other mock servers: same machine, same requests, same load tool, one process each."""
