"""What people look at: one description of a result, three renderers.

`panels` says what there is to see: heat maps, curves, grids of a study, tables, each with names and
units. `page` makes a self-contained HTML file of them, `figures` a matplotlib figure, `thumbnails`
the small picture of a notebook. `shown` gives all three to a result that says its panels, `brief`
makes short reprs, `optional` imports what is an extra. Nothing here knows what a crossbar is. A new
kind of panel is a class in `panels`, a function in `figures` and in `thumbnails`, and a script in
`assets`.
"""
