"""No training: a model without weights, fitted to the sources' training maps at once."""

from hd2s.approaches.declaration import Approach

APPROACH = Approach(word="untrained", title="Untrained", trains=False, colour="#000000")
