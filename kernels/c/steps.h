/* The steps of a tile, tap by tap and chunk by chunk, so that some can be taken at a time. Static:
 * each file compiles its own copy. */
#ifndef PBGEN_STEPS_H
#define PBGEN_STEPS_H

#include "isa.h"

/* A place in the sequence of steps. */
typedef struct step_index {
  uint32_t tap, chunk;
} step_index;

INLINE void next_step(step_index *s, uint32_t chunks)
{
  if (++s->chunk == chunks)
    s->chunk = 0, s->tap++;
}

INLINE void skip_steps(step_index *s, uint32_t steps, uint32_t chunks)
{
  const uint32_t at = s->tap * chunks + s->chunk + steps;
  *s = (step_index){at / chunks, at % chunks};
}

#endif
