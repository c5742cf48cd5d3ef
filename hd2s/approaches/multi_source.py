"""Multi-source training (HD2S Sect. 6, Table 7): one model for all sources, which take turns."""

from hd2s.approaches.declaration import Approach

APPROACH = Approach(word="multi-source", title="Multi-source", pools=True, colour="#E69F00")
