"""Names and places of the numbers that travel between the mouth graphs.

`shape` (one row per source frame, made by `encode`) and `mouth` (one row per clip, made by `clip`) are flat
f32 rows; this file is the only place that knows their layout. The mouth frame has its origin in the middle
of the corners (points 48 and 54), e along the corners, n downwards at right angles. Lengths named `px` are
crop pixels.
"""

TABLE = 96  # entries of a contour table
SPAN = 1.5  # a table covers -SPAN..SPAN half mouth widths

SHAPE = [
    ("center", 2),    # px, the middle of the corners
    ("axis", 2),      # unit vector e, from point 48 to point 54
    ("half", 1),      # px, half the distance of the corners
    ("eyes", 1),      # px, distance of the outer eye corners (steadied): the horizontal unit of the head
    ("rise", 1),      # px, the vertical unit of the head: about .56 of `eyes` in a frontal view
    ("middle", 1),    # px along e: the philtrum, where the gap between the front teeth is expected
    ("nose", 1),      # px along n: nose base (point 33), negative
    ("chin", 1),      # px along n: point 8
    ("left", 1),      # px along e: jaw line at mouth height, negative
    ("right", 1),     # px along e: jaw line at mouth height
    ("skin", 3),      # mean RGB of both cheeks, 0..1
    ("lip", 3),       # mean RGB of the lower lip, 0..1
    ("gap", 1),       # px, largest opening between the inner contours
    ("tables", 4 * TABLE),  # half widths along n: upper inner, lower inner, upper outer, lower outer contour
    ("beyond", 2 * TABLE),  # half widths: how far teeth or the dark reach past the upper, the lower inner contour
]

MOUTH = [
    ("width", 1),     # neutral half mouth width / eyes
    ("line", 1),      # neutral closed line at the middle, below the nose base / rise
    ("corner", 1),    # neutral height of the corners, below the nose base / rise
    ("upper", TABLE),  # neutral thickness of the upper lip / rise, over -SPAN..SPAN
    ("lower", TABLE),  # neutral thickness of the lower lip / rise
    ("arch", TABLE),  # closed line against the line through the corners / rise
    ("trust", 1),     # 0..1: how much of this comes from frames with a closed mouth
    ("tooth", 3),     # median skin RGB of the clip: what `teeth` is lit like
]

# `inside` u8 [4,ROWS,COLUMNS]: RGB and validity of the mouth interior, fixed to the head.
# Columns: (x - middle) / eyes over -ACROSS..ACROSS; rows: (y - nose) / rise over TOP..BOTTOM.
ROWS, COLUMNS = 48, 96
ACROSS = 0.36
TOP, BOTTOM = 0.06, 0.70
# `teeth` f32 [FINER*ROWS,FINER*COLUMNS,4], RGB and coverage: the same columns; rows: (y - closed line) / rise over
# UP..DOWN. It is FINER times as fine as `inside`, so that `generate` may take the nearest entry.
FINER = 4
UP, DOWN = -0.30, 0.40


def size(layout) -> int:
    return sum(count for _, count in layout)


def split(row, layout) -> dict:
    """[N, size, ...] -> {name: [N, count, ...]}"""
    return dict(zip((name for name, _ in layout), row.split([count for _, count in layout], 1), strict=True))
