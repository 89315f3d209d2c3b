"""Reading linear arrays in one compiled pass, where no gradient runs.

`plan` lays the tiles of a matrix side by side, `errors` takes the errors of drivers, amplifiers
and converters from them, and the noise of their reads; `reading` goes through blocks of places
with the kernels. The same currents, codes and values as `chip.readout` gives.
"""
