"""Records of tumour sizes and of a marker: their last readings forecast, told on one page a folder."""
