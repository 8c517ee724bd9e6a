"""Contract tests: hold a server, the mock above all, and the generated client to one OpenAPI file.

Run outside pytest with ``scripts/contract``. Nothing in here but the ``test_*`` modules knows this API: what is
sent, and what must come back, is read from the contract.
"""
