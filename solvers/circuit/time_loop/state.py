"""What the loop over time steps is in, as arrays: the places of its numbers and of its parts."""

from __future__ import annotations

__all__ = ["FLOAT_PARTS", "INTS", "INT_PARTS", "LU_FLOATS", "LU_INTS", "NUMBERS", "WHAT"]

# why the loop was left
WHAT = ("ask", "evaluate", "accepted", "refused", "full", "corners", "pace", "done")

INTS = ("state", "order", "most", "smooth", "iteration", "patience", "limit", "limited", "ahead",
        "point", "tried", "refused", "met", "steps", "rejected", "newton", "factored", "kept",
        "corner", "last", "kind", "linear", "foreign", "told", "window", "anew", "retry",
        "short_of_room")
NUMBERS = ("t", "h", "target", "shortest", "floor", "resolution", "longest", "stop", "until", "a",
           "end", "change", "following", "factored_for", "damping", "reltol", "trtol", "reuse")
(STATE, ORDER, MOST, SMOOTH, ITERATION, PATIENCE, LIMIT, LIMITED, AHEAD, POINT, TRIED, REFUSED, MET,
 STEPS, REJECTED, NEWTON, FACTORED, KEPT, CORNER, LAST, KIND, LINEAR, FOREIGN, TOLD, WINDOW, ANEW,
 RETRY, SHORT_OF_ROOM) = range(len(INTS))
(T, H, TARGET, SHORTEST, FLOOR, RESOLUTION, LONGEST, STOP, UNTIL, A, END, CHANGE, FOLLOWING,
 FACTORED_FOR, DAMPING, RELTOL, TRTOL, REUSE) = range(len(NUMBERS))
# arrays, in the order in which they lie in buffers
INT_PARTS = (
    "indptr", "indices", "f_slots", "q_slots", "g_slots", "c_slots", "ends", "columns", "kept",
    "error_rows", "degrees", "wave_table", "wave_slots", "law_table", "code", "more", "plus",
    "minus", "own", "known", "record_orders", "beside_poles", "kernels", "blocks", "block_ends",
    "number_ends", "hooks",
)
FLOAT_PARTS = (
    "g_linear", "c_linear", "f_values", "q_values", "g_values", "c_values", "data", "source", "f",
    "q", "r", "terms", "held", "step", "found", "offset", "xa", "xb", "guess", "row_floor",
    "step_floor", "nothing", "times", "p0", "p1", "p2", "p3", "q0", "q1", "q2", "q3", "rate0",
    "weights", "stored_q", "rate", "far", "current", "charge", "early", "weight", "sure",
    "constants", "waves", "wave_factor", "numbers", "scale", "surroundings", "steps",
    "tape_weights", "probes", "old", "law_values", "law_slopes", "law_factor", "rules",
    "record_times", "record_values", "block_numbers",
)
LU_INTS = (
    "rows", "order_of", "lp", "li", "up", "ui", "pinv",
)
LU_FLOATS = (
    "lx", "ux", "clean", "work",
)
