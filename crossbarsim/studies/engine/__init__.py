"""The machinery under all studies: axes, points that are recorded once, workers anywhere.

`axes` says which points there are, `study` has the `Study` of anything; `drive` measures groups of
points here or on an executor, `worker` is what runs there, `pool` processes of this machine that
outlive a lost one; `records` keeps what is done, `identity` what it depends on. A study of its own
kind gives `drive` its groups and its function.
"""
