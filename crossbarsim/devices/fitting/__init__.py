"""Models fitted to measured loops: data, exact sensitivities, what they determine.

`fit` is the door, `fitted` the numbers of its result and `result` these with words, pictures and
files; `determination` says what the data determine, `profile` follows a parameter; `compare` and
`many` fit several models and several devices. `measured` are the data, `least_squares` the search.
A model says in `usually_fitted` what is free where nothing is named. A new format of files:
`measured/tables.py`.
"""
