"""Scripts that ran other tools, once; what they found is in `../published`, with the tools' versions.

Each needs its tool installed beside crossbarsim's requirements, and writes one file:

    python -m benchmarks.validation.others.memtorch_models
"""
