"""What requests may say and what answers hold; the OpenAPI document is made from these."""
