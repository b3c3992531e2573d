#include "team.h"

#include <stdatomic.h>

#if defined(__unix__) || defined(__APPLE__)
#include <sched.h>
#define YIELD() sched_yield()
#else
#define YIELD() ((void)0)
#endif

#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#else
#define PAUSE() ((void)0)
#endif

#define SPINS                                                                                      \
  2000 /* some tens of microseconds; a member that is not running needs the processor              \
        */

typedef struct barrier {
  _Atomic uint32_t arrived, round;
} barrier;

void wait_for_team(void *team, uint32_t members)
{
  barrier *b = team;
  if (members == 1)
    return;
  const uint32_t round = atomic_load_explicit(&b->round, memory_order_acquire);
  if (atomic_fetch_add_explicit(&b->arrived, 1, memory_order_acq_rel) + 1 == members) {
    atomic_store_explicit(&b->arrived, 0, memory_order_relaxed);
    atomic_store_explicit(&b->round, round + 1, memory_order_release);
    return;
  }
  for (uint32_t spins = 0; atomic_load_explicit(&b->round, memory_order_acquire) == round; spins++)
    if (spins < SPINS)
      PAUSE();
    else
      YIELD();
}
