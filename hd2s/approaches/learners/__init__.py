"""How approaches learn: what a declaration in the folder above names as its learner."""
