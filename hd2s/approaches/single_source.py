"""Single-source training (HD2S Sect. 6, Table 7): what generalization trains, on its own ground."""

from hd2s.approaches.declaration import Approach

APPROACH = Approach(
    word="single-source", title="Single-source", trained_as="generalization", colour="#56B4E9"
)
