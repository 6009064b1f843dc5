"""Records of people with type 1 diabetes: chosen days fitted, asked what-ifs, told on one page a person."""
