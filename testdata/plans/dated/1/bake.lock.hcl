# What the data sources of this module found. bake update writes this file; commit it.
format = 1
date = "2026-01-01T00:00:00Z"
