"""Studies of anyone's network: batches of any data, metrics, chips that points share.

`batches` takes data as they come, `metrics` what is made of outputs, `chips` measures a point on a
chip that is made again only where a point asks for another one; `study` has `NetworkStudy`. A
metric that is shipped is a class of `metrics` with its name in `METRICS`.
"""
