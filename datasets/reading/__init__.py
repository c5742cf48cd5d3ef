"""From files to pixels: frames, maps and fixations, as they are on disk."""
