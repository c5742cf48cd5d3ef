"""What makes each look-alike corpus its own domain, as numbers.

The four corpora differ where the real ones do: how far the eyes wander from the centre (free viewing against
a task), what is worth looking at and against which ground, frame rate and size, length, and how sharp the
published maps are. Nothing else in this package knows a corpus by name, except its layout on disk.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from datasets.corpora import dhf1k, hollywood2, ledov, ucf_sports
from datasets.corpus import MapRule

Range = tuple[float, float]

VIEWING = "1/3"
"""Frame rate of a photograph: its one frame lasts as long as it is looked at, three seconds."""


@dataclass(frozen=True, slots=True)
class Domain:
    """The statistics one look-alike corpus is drawn from.

    Lengths in space are in frame heights and speeds in frame heights per second, so that one description
    holds for every frame size; times are in milliseconds.
    """

    name: str
    word: str
    # -- the recording
    sizes: tuple[tuple[int, int], ...]  # (width, height), even as the codecs ask
    frame_rates: tuple[str, ...]  # as fractions, "30000/1001" included
    n_frames: tuple[int, int]  # of a training or validation clip, both ends included
    cut_into_shots: bool  # clips are shots of a source video, whose format and frame numbers they share
    grain: float  # standard deviation of the noise on a frame, in grey levels of 255
    # -- what is in the picture
    backdrop: str  # a key of backdrops.BACKDROPS
    figure: str  # a key of figures.FIGURES
    n_figures: tuple[int, int]
    figure_size: Range
    speed: Range
    reach: tuple[
        float, float
    ]  # share of the frame's width and height in which figures stay, about the centre
    pan: Range  # speed of the camera
    hues: tuple[Range, ...]  # of the figures' colour, one range is picked; hue in [0, 1]
    saturation: Range
    value: Range
    # -- the observers
    n_observers: int
    follow: float  # probability that a fixation lands on a figure
    centre: float  # … near the centre of the frame; what remains explores the whole frame
    centre_spread: float  # standard deviation about the centre
    aim: float  # standard deviation of the landing error on a figure, as a share of the figure's size
    lag: float  # how far the eyes are behind the figure
    fixation: Range  # duration of a fixation
    opens_at_centre: bool  # every observer starts on a cross in the middle of the screen
    # -- the maps
    rule: MapRule
    sigma: float | None  # in frame heights; None: the rule's own, for frames near the real size


# Free viewing of everyday scenes: several things move, anywhere in the frame, among motionless coloured
# blocks. Many observers and the smallest kernels make the sharpest maps.
DHF1K = Domain(
    name="DHF1K",
    word="dhf1k",
    sizes=((160, 90),),
    frame_rates=("30",),
    n_frames=(30, 48),
    cut_into_shots=False,
    grain=2.0,
    backdrop="street",
    figure="ball",
    n_figures=(1, 2),
    figure_size=(0.28, 0.40),
    speed=(0.35, 0.8),
    reach=(1.0, 1.0),
    pan=(0.0, 0.0),
    hues=((0.0, 0.04), (0.09, 0.15), (0.86, 0.95)),
    saturation=(0.85, 1.0),
    value=(0.95, 1.0),
    n_observers=17,
    follow=0.86,
    centre=0.05,
    centre_spread=0.16,
    aim=0.18,
    lag=60.0,
    fixation=(150.0, 350.0),
    opens_at_centre=False,
    rule=dhf1k.CORPUS.map_rule,
    sigma=0.06,
)

# Films watched with a task: the camera keeps a pale actor near the middle of a dark set, shots are short and
# cut from one numbered source video, formats are many.
HOLLYWOOD2 = Domain(
    name="Hollywood2",
    word="hollywood2",
    sizes=((176, 96), (160, 120), (192, 80), (168, 92)),
    frame_rates=("24",),
    n_frames=(24, 44),
    cut_into_shots=True,
    grain=3.0,
    backdrop="film_set",
    figure="actor",
    n_figures=(1, 1),
    figure_size=(0.5, 0.72),
    speed=(0.12, 0.3),
    reach=(1.0, 1.0),
    pan=(0.0, 0.06),
    hues=((0.04, 0.10), (0.10, 0.14), (0.0, 0.02)),
    saturation=(0.15, 0.45),
    value=(0.75, 0.95),
    n_observers=16,
    follow=0.75,
    centre=0.18,
    centre_spread=0.14,
    aim=0.16,
    lag=80.0,
    fixation=(200.0, 450.0),
    opens_at_centre=False,
    rule=hollywood2.CORPUS.map_rule,
    sigma=0.065,
)

# Sport watched with a task: one fast athlete, dark against a bright green field, and a camera that pans along
# and is never quite on time. Wide kernels make blurred maps.
UCF_SPORTS = Domain(
    name="UCFSports",
    word="ucf_sports",
    sizes=((180, 102), (144, 96), (160, 106), (150, 120), (128, 96)),
    frame_rates=("10",),
    n_frames=(24, 40),
    cut_into_shots=False,
    grain=2.0,
    backdrop="sports_field",
    figure="athlete",
    n_figures=(1, 1),
    figure_size=(0.40, 0.56),
    speed=(0.5, 1.0),
    reach=(0.96, 1.0),
    pan=(0.25, 0.6),
    hues=((0.58, 0.68), (0.75, 0.85), (0.97, 1.0)),
    saturation=(0.8, 1.0),
    value=(0.30, 0.6),
    n_observers=12,
    follow=0.76,
    centre=0.15,
    centre_spread=0.16,
    aim=0.2,
    lag=70.0,
    fixation=(180.0, 400.0),
    opens_at_centre=False,
    rule=ucf_sports.CORPUS.map_rule,
    sigma=0.085,
)

# Free viewing of nature and animals, in every frame rate and size there is. It ships no maps: they are made
# from the fixations by the real rule, sigma 33.97 px, so these frames stay close to their real size.
LEDOV = Domain(
    name="LEDOV",
    word="ledov",
    sizes=((640, 360), (480, 360), (512, 288)),
    frame_rates=("24", "25", "30", "30000/1001", "15", "60", "50"),
    n_frames=(32, 48),
    cut_into_shots=False,
    grain=1.5,
    backdrop="water",
    figure="fish",
    n_figures=(1, 2),
    figure_size=(0.2, 0.34),
    speed=(0.3, 0.7),
    reach=(0.95, 0.9),
    pan=(0.0, 0.1),
    hues=((0.05, 0.09), (0.12, 0.16)),
    saturation=(0.75, 0.95),
    value=(0.9, 1.0),
    n_observers=14,
    follow=0.75,
    centre=0.12,
    centre_spread=0.15,
    aim=0.2,
    lag=60.0,
    fixation=(150.0, 350.0),
    opens_at_centre=True,
    rule=ledov.CORPUS.map_rule,
    sigma=None,
)

# Photographs of what lies about, explored with the mouse: several things, none of them moving, and as many
# observers as there are; three seconds each.
SALICON = Domain(
    name="SALICON",
    word="salicon",
    sizes=((160, 120),),
    frame_rates=(VIEWING,),
    n_frames=(1, 1),
    cut_into_shots=False,
    grain=2.0,
    backdrop="street",
    figure="ball",
    n_figures=(1, 3),
    figure_size=(0.2, 0.34),
    speed=(0.0, 0.0),
    reach=(0.9, 0.9),
    pan=(0.0, 0.0),
    hues=((0.28, 0.36), (0.55, 0.6), (0.78, 0.84)),
    saturation=(0.8, 1.0),
    value=(0.85, 1.0),
    n_observers=20,
    follow=0.75,
    centre=0.15,
    centre_spread=0.18,
    aim=0.2,
    lag=0.0,
    fixation=(200.0, 500.0),
    opens_at_centre=False,
    rule=MapRule(sigma=19.0, reach=57, even=False, replicate=False),
    sigma=0.06,
)

# Photographs of people, upright and broad, looked at freely by few.
MIT1003 = Domain(
    name="MIT1003",
    word="mit1003",
    sizes=((160, 120), (120, 160), (160, 106)),
    frame_rates=(VIEWING,),
    n_frames=(1, 1),
    cut_into_shots=False,
    grain=2.0,
    backdrop="film_set",
    figure="actor",
    n_figures=(1, 2),
    figure_size=(0.4, 0.6),
    speed=(0.0, 0.0),
    reach=(0.8, 0.9),
    pan=(0.0, 0.0),
    hues=((0.04, 0.1), (0.5, 0.65)),
    saturation=(0.3, 0.7),
    value=(0.7, 0.95),
    n_observers=15,
    follow=0.7,
    centre=0.2,
    centre_spread=0.15,
    aim=0.18,
    lag=0.0,
    fixation=(180.0, 400.0),
    opens_at_centre=False,
    rule=MapRule(sigma=24.0, reach=72, even=False, replicate=False),
    sigma=0.06,
)

# The same withheld: of other scenes, with nobody's gaze.
MIT300 = replace(MIT1003, name="MIT300", word="mit300", n_observers=39)

DOMAINS = (DHF1K, HOLLYWOOD2, UCF_SPORTS, LEDOV)
"""Videos: what every demo has."""

PHOTOGRAPHS = (SALICON, MIT1003, MIT300)
"""What a demo has that asks for them."""
