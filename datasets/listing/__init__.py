"""The names of a corpus' clips and of their files, found without opening any."""
