"""The pictures of the pages that are drawn from what is logged, or by the shipped generators."""
