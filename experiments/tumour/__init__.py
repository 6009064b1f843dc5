"""Records of tumour sizes: their last readings forecast with what others' tell, told on one page a folder."""
