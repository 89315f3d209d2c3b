"""A run of time steps: what `analyses.transient.TransientRun` does where nothing special happens.

One loop with states, so that it can be left where Python has to evaluate groups and entered again
there. A step that needs more than this is left untried (`ASK`): Python takes it.
"""

from __future__ import annotations

import numpy as np

from ....core.compiled.jit import lean
from ....core.validation import Array
from ..kernels_newton import residual
from ..system.element_group import Ints
from ..system.kernels_blocks import (
    ABRUPT,
    ACCEPT,
    EVALUATE,
    NEXT,
    REFUSE,
    REWIND,
    ROOM,
    TURN,
    ask_all,
    least_within,
)
from .kernels_control import begin_anew, chosen, is_far, push, start_at, within
from .kernels_laws import fill_laws
from .kernels_newton import differentiate, extrapolate, is_solution, stored, take_step
from .kernels_sources import drive
from .state import (
    AHEAD,
    ANEW,
    CHANGE,
    CORNER,
    DAMPING,
    END,
    FACTORED,
    FACTORED_FOR,
    FLOOR,
    FOLLOWING,
    FOREIGN,
    ITERATION,
    KEPT,
    KIND,
    LAST,
    LIMIT,
    LIMITED,
    LINEAR,
    MET,
    MOST,
    NEWTON,
    ORDER,
    PATIENCE,
    POINT,
    REFUSED,
    REJECTED,
    RELTOL,
    RESOLUTION,
    RETRY,
    REUSE,
    SHORT_OF_ROOM,
    SHORTEST,
    SMOOTH,
    STATE,
    STEPS,
    STOP,
    TARGET,
    TOLD,
    TRIED,
    TRTOL,
    UNTIL,
    WINDOW,
    A,
    H,
    T,
)

__all__ = ["run_steps"]

_ASK, _EVALUATE, _ACCEPTED, _REFUSED, _FULL, _CORNERS, _PACE, _DONE = range(8)  # of `state.WHAT`
# its states, where it is entered again
_BEGIN, _AT_POINT, _EVALUATED, _FOLLOW, _LOOKED = range(5)
# rules: of `analyses.transient`, in this order
_SAFETY, _GROWTH, _SHRINK, _GAP, _LAST, _HALVING, _ACCEPT, _BETTER, _JUMP, _OVERSHOOT, _FADED = (
    range(11)
)
_ROUNDING = 1e-15


@lean
def run_steps(
    I: Ints, F: Array, ints: Ints, int_ends: Ints, floats: Array, starts: Ints, lu_ints: Ints,
    lu_int_ends: Ints, lu_floats: Array, lu_ends: Ints, corners: Array,
) -> int:
    """Take steps until something of `WHAT` happens; return what.

    Arrays lie one behind the other in few: numba looks at each argument of every call.

    Parameters
    ----------
    I, F : arrays
        The state of the loop: `INTS` and `NUMBERS`.
    ints, int_ends, floats, starts : arrays
        `INT_PARTS` and `FLOAT_PARTS`, and where each begins.
    lu_ints, lu_int_ends, lu_floats, lu_ends : arrays
        `LU_INTS` and `LU_FLOATS`.
    corners : (..,) second
    """
    indptr = ints[int_ends[0]:int_ends[1]]
    indices = ints[int_ends[1]:int_ends[2]]
    f_slots = ints[int_ends[2]:int_ends[3]]
    q_slots = ints[int_ends[3]:int_ends[4]]
    g_slots = ints[int_ends[4]:int_ends[5]]
    c_slots = ints[int_ends[5]:int_ends[6]]
    ends = ints[int_ends[6]:int_ends[7]]
    columns = ints[int_ends[7]:int_ends[8]]
    kept = ints[int_ends[8]:int_ends[9]]
    error_rows = ints[int_ends[9]:int_ends[10]]
    degrees = ints[int_ends[10]:int_ends[11]]
    wave_table = ints[int_ends[11]:int_ends[12]]
    wave_slots = ints[int_ends[12]:int_ends[13]]
    law_table = ints[int_ends[13]:int_ends[14]]
    code = ints[int_ends[14]:int_ends[15]]
    more = ints[int_ends[15]:int_ends[16]]
    plus = ints[int_ends[16]:int_ends[17]]
    minus = ints[int_ends[17]:int_ends[18]]
    own = ints[int_ends[18]:int_ends[19]]
    known = ints[int_ends[19]:int_ends[20]]
    record_orders = ints[int_ends[20]:int_ends[21]]
    beside_poles = ints[int_ends[21]:int_ends[22]]
    kernels = ints[int_ends[22]:int_ends[23]]
    blocks = ints[int_ends[23]:int_ends[24]]
    block_ends = ints[int_ends[24]:int_ends[25]]
    number_ends = ints[int_ends[25]:int_ends[26]]
    hooks = ints[int_ends[26]:int_ends[27]]
    g_linear = floats[starts[0]:starts[1]]
    c_linear = floats[starts[1]:starts[2]]
    f_values = floats[starts[2]:starts[3]]
    q_values = floats[starts[3]:starts[4]]
    g_values = floats[starts[4]:starts[5]]
    c_values = floats[starts[5]:starts[6]]
    data = floats[starts[6]:starts[7]]
    source = floats[starts[7]:starts[8]]
    f = floats[starts[8]:starts[9]]
    q = floats[starts[9]:starts[10]]
    r = floats[starts[10]:starts[11]]
    terms = floats[starts[11]:starts[12]]
    held = floats[starts[12]:starts[13]]
    step = floats[starts[13]:starts[14]]
    found = floats[starts[14]:starts[15]]
    offset = floats[starts[15]:starts[16]]
    xa = floats[starts[16]:starts[17]]
    xb = floats[starts[17]:starts[18]]
    guess = floats[starts[18]:starts[19]]
    row_floor = floats[starts[19]:starts[20]]
    step_floor = floats[starts[20]:starts[21]]
    nothing = floats[starts[21]:starts[22]]
    times = floats[starts[22]:starts[23]]
    p0 = floats[starts[23]:starts[24]]
    p1 = floats[starts[24]:starts[25]]
    p2 = floats[starts[25]:starts[26]]
    p3 = floats[starts[26]:starts[27]]
    q0 = floats[starts[27]:starts[28]]
    q1 = floats[starts[28]:starts[29]]
    q2 = floats[starts[29]:starts[30]]
    q3 = floats[starts[30]:starts[31]]
    rate0 = floats[starts[31]:starts[32]]
    weights = floats[starts[32]:starts[33]]
    stored_q = floats[starts[33]:starts[34]]
    rate = floats[starts[34]:starts[35]]
    far = floats[starts[35]:starts[36]]
    current = floats[starts[36]:starts[37]]
    charge = floats[starts[37]:starts[38]]
    early = floats[starts[38]:starts[39]]
    weight = floats[starts[39]:starts[40]]
    sure = floats[starts[40]:starts[41]]
    constants = floats[starts[41]:starts[42]]
    waves = floats[starts[42]:starts[43]]
    wave_factor = floats[starts[43]:starts[44]]
    numbers = floats[starts[44]:starts[45]]
    scale = floats[starts[45]:starts[46]]
    surroundings = floats[starts[46]:starts[47]]
    steps = floats[starts[47]:starts[48]]
    tape_weights = floats[starts[48]:starts[49]]
    probes = floats[starts[49]:starts[50]]
    old = floats[starts[50]:starts[51]]
    law_values = floats[starts[51]:starts[52]]
    law_slopes = floats[starts[52]:starts[53]]
    law_factor = floats[starts[53]:starts[54]]
    rules = floats[starts[54]:starts[55]]
    record_times = floats[starts[55]:starts[56]]
    record_values = floats[starts[56]:starts[57]]
    block_numbers = floats[starts[57]:starts[58]]
    rows = lu_ints[lu_int_ends[0]:lu_int_ends[1]]
    order_of = lu_ints[lu_int_ends[1]:lu_int_ends[2]]
    lp = lu_ints[lu_int_ends[2]:lu_int_ends[3]]
    li = lu_ints[lu_int_ends[3]:lu_int_ends[4]]
    up = lu_ints[lu_int_ends[4]:lu_int_ends[5]]
    ui = lu_ints[lu_int_ends[5]:lu_int_ends[6]]
    pinv = lu_ints[lu_int_ends[6]:lu_int_ends[7]]
    lx = lu_floats[lu_ends[0]:lu_ends[1]]
    ux = lu_floats[lu_ends[1]:lu_ends[2]]
    clean = lu_floats[lu_ends[2]:lu_ends[3]]
    work = lu_floats[lu_ends[3]:lu_ends[4]]
    n, many = indptr.shape[0] - 1, kernels.shape[0]
    while True:
        if I[STATE] == _BEGIN:
            if I[KEPT] >= record_times.shape[0]:
                return _FULL
            if I[TRIED] >= I[WINDOW]:
                return _PACE
            h, anew = F[H], I[SMOOTH] == 1
            if h <= F[SHORTEST] or (anew and h < rules[_JUMP] * F[STOP]):
                return _ASK
            I[AHEAD] = 1 if anew and F[T] + 2.0 * h <= F[TARGET] + F[FLOOR] else 0
            I[STATE] = _LOOKED
        if I[STATE] == _LOOKED:
            # look ahead over twice the step at first, where that can be done
            h, order = (2.0 * F[H], 1) if I[AHEAD] == 1 else (F[H], I[ORDER])
            F[A] = differentiate(
                I[KIND], F[DAMPING], h, order, times, q0, q1, rate0, offset
            )
            F[END] = F[T] + h
            extrapolate(h, min(order, I[SMOOTH] - 1), times, p0, p1, p2, guess)
            I[ITERATION], I[POINT], I[RETRY], F[CHANGE] = 0, 0, 0, np.inf
            for i in range(n + 1):
                xa[i] = guess[i]
            surroundings[0] = F[END]
            if I[TOLD] == 0:
                drive(F[END], wave_table, waves, wave_factor, wave_slots, source)
            I[STATE] = _AT_POINT
        x, other = (xa, xb) if I[POINT] == 0 else (xb, xa)
        if I[STATE] == _AT_POINT:
            I[LIMITED] = 0
            if not fill_laws(
                law_table, code, more, numbers, plus, minus, scale, own, x, surroundings, steps,
                tape_weights, probes, old, known, law_values, law_slopes, law_factor, f_values,
                q_values, g_values, c_values,
            ):
                return _ASK
            if ask_all(
                EVALUATE, F[END], kernels, blocks, block_ends, block_numbers, number_ends, x
            ) > 0.0:
                I[LIMITED] = 1
            I[STATE] = _EVALUATED
            if I[FOREIGN] == 1:
                return _EVALUATE
        if I[STATE] == _EVALUATED:
            finite = residual(
                indptr, indices, g_linear, c_linear, source, f, q, f_slots, f_values, q_slots,
                q_values, F[A], offset, x, r,
            )
            if not finite:
                return _ASK
            count = I[ITERATION]
            done = I[LINEAR] == 1 and count > 0
            settled = count > 0 and F[CHANGE] <= 1.0
            exact = not settled and count == I[PATIENCE]
            if not done and (settled or exact) and I[LIMITED] == 0:
                done = is_solution(
                    indptr, indices, g_linear, c_linear, source, q, f_slots, f_values, q_slots,
                    q_values, g_slots, g_values, c_slots, c_values, data,
                    _ROUNDING if exact else F[RELTOL], nothing if exact else row_floor, F[A],
                    offset, x, r, terms, held,
                )
            if not done:
                if count >= I[LIMIT]:
                    if I[RETRY] != 1:
                        return _ASK
                    start_at(found, _AT_POINT, I, F, xa)  # not the last point: where it was
                    ask_all(
                        REWIND, F[T], kernels, blocks, block_ends, block_numbers, number_ends, x
                    )
                    if I[FOREIGN] == 1:
                        return _REFUSED
                    continue
                again = I[LINEAR] == 0 or F[A] != F[FACTORED_FOR]
                change = take_step(
                    indptr, g_linear, c_linear, g_slots, g_values, c_slots, c_values, data, F[A],
                    again, F[REUSE], rows, order_of, lp, li, lx, up, ui, ux, pinv, clean, work, r,
                    step, F[RELTOL], step_floor, x, other,
                )
                if again:
                    F[FACTORED_FOR] = F[A]
                    I[FACTORED] += 1
                if change < 0.0 or not change >= 0.0:
                    F[FACTORED_FOR] = np.nan
                    return _ASK
                F[CHANGE] = change
                I[NEWTON] += 1
                I[ITERATION], I[POINT], I[STATE] = count + 1, 1 - I[POINT], _AT_POINT
                continue
            stored(ends, columns, weights, x, kept, q_values, q, stored_q)
            if I[AHEAD] == 1:
                for i in range(far.shape[0]):
                    far[i] = stored_q[i]
                I[AHEAD], I[STATE] = 2, _LOOKED
                ask_all(
                    REWIND, F[T], kernels, blocks, block_ends, block_numbers, number_ends, x
                )
                if I[FOREIGN] == 1:
                    return _REFUSED
                continue
            if I[RETRY] == 0 and is_far(
                beside_poles, x, guess, p0, F[TRTOL] * F[RELTOL], rules[_OVERSHOOT]
            ):
                for i in range(n + 1):
                    found[i] = x[i]
                start_at(p0, _AT_POINT, I, F, xa)
                ask_all(
                    REWIND, F[T], kernels, blocks, block_ends, block_numbers, number_ends, x
                )
                if I[FOREIGN] == 1:
                    return _REFUSED
                continue
            h, order, shorter, allowed = F[H], I[ORDER], 0.0, 0.0
            if order > 1 and least_within(
                ABRUPT, F[END], hooks[:many], kernels, blocks, block_ends, block_numbers,
                number_ends, x, 0.5, 2.0,
            ) > 0.0:
                I[ORDER], shorter = 1, h
            else:
                for i in range(rate.shape[0]):
                    rate[i] = F[A] * stored_q[i] + offset[i]
                first = I[AHEAD] == 2
                if first:
                    begin_anew(h, times, q0, q1, q2, rate0, stored_q, far)
                    if F[UNTIL] <= times[0]:
                        for i in range(far.shape[0]):
                            early[i] = max(charge[i], abs(far[i] - q0[i]))
                        F[UNTIL] = F[T] + 2.0 * h
                so_far = charge if F[END] > F[UNTIL] and not first else early
                allowed = within(
                    h, order, times, q0, q1, q2, stored_q, rate, rate0, error_rows, current, so_far,
                    sure if first else weight, F[RELTOL], F[TRTOL], degrees, constants,
                )
                if allowed <= rules[_ACCEPT] * h:
                    shorter = max(allowed, rules[_SHRINK] * h)
                else:
                    until = least_within(
                        REFUSE, F[END], hooks[many:2 * many], kernels, blocks, block_ends,
                        block_numbers, number_ends, x, F[T] + F[FLOOR], F[END] - F[FLOOR],
                    )
                    if until > 0.0:
                        shorter = until - F[T]
            I[STATE] = _BEGIN
            if shorter > 0.0:
                if not shorter >= F[SHORTEST]:
                    return _ASK
                F[H] = shorter
                I[TRIED] += 1
                I[REJECTED] += 1
                I[REFUSED] += 1
                ask_all(
                    REWIND, F[T], kernels, blocks, block_ends, block_numbers, number_ends, x
                )
                if I[FOREIGN] == 1:
                    return _REFUSED
                continue
            I[TRIED] += 1
            following = min(rules[_SAFETY] * allowed, rules[_GROWTH] * h)
            if order == 1 and I[MOST] > 1:
                second = min(rules[_SAFETY] * within(
                    h, 2, times, q0, q1, q2, stored_q, rate, rate0, error_rows, current,
                    charge if F[END] > F[UNTIL] else early, weight, F[RELTOL], F[TRTOL], degrees,
                    constants,
                ), rules[_GROWTH] * h)
                if second > rules[_BETTER] * h:
                    I[ORDER], following = 2, second
            F[FOLLOWING] = following
            end = F[T] + h
            if h >= F[TARGET] - F[T] or abs(end - F[TARGET]) <= F[SHORTEST]:
                end = F[TARGET]
            push(p0, p1, p2, p3, x)
            push(q0, q1, q2, q3, stored_q)
            for i in range(rate.shape[0]):
                rate0[i] = rate[i]
            times[3], times[2], times[1], times[0] = times[2], times[1], times[0], end
            I[SMOOTH] += 1
            for i in range(charge.shape[0]):
                charge[i] = max(charge[i], rules[_FADED] * abs(stored_q[i]))
            F[T] = end
            I[STEPS] += 1
            F[SHORTEST] = max(F[FLOOR], F[RESOLUTION] * end)
            kept_at = I[KEPT]
            record_times[kept_at], record_orders[kept_at] = end, order
            for i in range(n + 1):
                record_values[kept_at * (n + 1) + i] = x[i]
            I[KEPT] = kept_at + 1
            I[STATE] = _FOLLOW
            answer = ask_all(
                ACCEPT, F[END], kernels, blocks, block_ends, block_numbers, number_ends, x
            )
            I[ANEW] = 1 if answer in (1.0, 1.0 + ROOM) else 0
            I[SHORT_OF_ROOM] = 1 if answer >= ROOM else 0
            if I[FOREIGN] == 1 or answer >= ROOM:
                return _ACCEPTED
        if I[STATE] == _FOLLOW:
            met, before = 1 if F[T] >= F[TARGET] else 0, F[TARGET]
            if met == 1 and before >= corners[I[CORNER]]:
                if I[CORNER] + 1 >= corners.shape[0]:
                    if I[LAST] == 0:
                        return _CORNERS
                    return _DONE
                I[CORNER] += 1
                I[MET] += 1
            F[TARGET] = corners[I[CORNER]]
            event = least_within(
                NEXT, F[T], hooks[2 * many:], kernels, blocks, block_ends, block_numbers,
                number_ends, x, F[T] + F[SHORTEST], F[TARGET] - F[SHORTEST],
            )
            if event > 0.0:
                F[TARGET] = event
            if chosen(I, F, before, rules[_GAP], rules[_LAST], rules[_HALVING], met):
                ask_all(
                    TURN, F[T], kernels, blocks, block_ends, block_numbers, number_ends, x
                )
            I[STATE] = _BEGIN
