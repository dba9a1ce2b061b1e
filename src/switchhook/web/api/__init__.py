"""The REST API under /api/v1: one table of operations makes its routes, its OpenAPI document and its page.

fields, reading   what may be asked, and how strictly it is read
operation, door   one operation, and how a request goes through it
problem           every no, as RFC 9457 has it
the rest          a file per resource
"""
