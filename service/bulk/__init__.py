"""Millions of images into a folder of shards: `python -m service.bulk`, on one core or with Ray."""
