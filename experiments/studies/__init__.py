"""Studies: what a scenario asks for, shard by shard, as rows of result tables."""
