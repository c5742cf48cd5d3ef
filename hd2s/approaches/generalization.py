"""Domain generalisation: supervised on the source; the target is unknown until the test (HD2S Sect. 6)."""

from hd2s.approaches.declaration import Approach

APPROACH = Approach(word="generalization", title="Domain Generalization", colour="#0072B2")
