"""Short scripts to copy: `crossbarsim examples` lists them and writes one into your folder."""
