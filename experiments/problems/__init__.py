"""People and measurements posed as calibration problems; core libraries only, so that benchmarks can use them."""
