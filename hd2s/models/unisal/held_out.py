"""What UNISAL's released code validates on of Hollywood2 and UCF Sports, where the paper says a tenth."""

# The numbers of the videos that shots are cut from. The code deals out as many as DHF1K has, 700, so that it
# neither trains nor validates on later ones.
_HOLLYWOOD2 = (
    "2 14 21 22 35 59 72 81 88 92 100 106 107 122 131 161 162 167 190 192 202 206 215 242 244 253 270 "
    "271 274 277 309 314 316 331 340 344 346 367 373 386 388 390 402 414 428 436 455 456 459 460 467 "
    "475 476 477 485 492 505 509 511 556 561 562 563 565 566 567 601 615 647 654 662 664 684 695 698"
)

HELD_OUT = {
    "Hollywood2": (
        tuple(f"actioncliptrain{int(number):05}" for number in _HOLLYWOOD2.split()),
        "actioncliptrain00700",
    ),
    "UCFSports": (
        (
            *("SkateBoarding-Front-011", "Diving-Side-007", "Golf-Swing-Front-005", "Kicking-Front-010"),
            *("Kicking-Front-009", "Lifting-004", "Walk-Front-021", "Kicking-Side-006"),
            *("Swing-Bench-014", "Run-Side-013"),
        ),
        "",
    ),
}
"""Corpus → source videos for validation, and the last one that is not left aside (`Model.held_out`)."""
