"""A scan on a Dask cluster: the driver that asks for shards, and the task in which a worker scans one."""
