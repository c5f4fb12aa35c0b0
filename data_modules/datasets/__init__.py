"""The data sets in plain torch; the files beside this folder are their data modules, under the same names."""
