#include "team.h"

#if defined(__unix__) || defined(__APPLE__)
#include <sched.h>
#define YIELD() sched_yield()
#else
#define YIELD() ((void)0)
#endif

#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("isb") /* `yield` takes no time on most */
#else
#define PAUSE() ((void)0)
#endif

/* Pauses, of some 20 to 50 nanoseconds each. */
#define SPINS 2000    /* until a member that is not running gets the processor */
#define PATIENCE 4000 /* of a helper: a call often follows another, and waking up takes longer */

/* One step of waiting. */
static void pause_or_yield(uint32_t spins)
{
  if (spins < SPINS)
    PAUSE();
  else
    YIELD();
}

static void wait_for_done(team *t, size_t shares)
{
  for (uint32_t spins = 0; atomic_load_explicit(&t->done, memory_order_acquire) < shares; spins++)
    pause_or_yield(spins);
}

void begin_phase(worker *w, uint32_t shares)
{
  w->start = w->end;
  w->end += shares;
  if (w->team)
    wait_for_done(w->team, w->start);
}

uint32_t next_share(worker *w)
{
  if (!w->team)
    return w->alone < w->end ? (uint32_t)(w->alone++ - w->start) : NO_SHARE;
  if (w->holds)
    atomic_fetch_add_explicit(&w->team->done, 1, memory_order_release);
  size_t next = atomic_load_explicit(&w->team->taken, memory_order_relaxed);
  do {
    w->holds = next < w->end;
    if (!w->holds)
      return NO_SHARE;
  } while (!atomic_compare_exchange_weak_explicit(&w->team->taken, &next, next + 1,
                                                  memory_order_relaxed, memory_order_relaxed));
  return (uint32_t)(next - w->start);
}

void open_call(team *t, const void *call)
{
  t->call = call;
  atomic_store_explicit(&t->taken, 0, memory_order_relaxed);
  atomic_store_explicit(&t->done, 0, memory_order_relaxed);
  atomic_fetch_add(&t->calls, 1);
}

void close_call(worker *w)
{
  team *t = w->team;
  wait_for_done(t, w->end);
  atomic_fetch_add(&t->calls, 1);
  for (uint32_t spins = 0; atomic_load(&t->inside); spins++)
    pause_or_yield(spins);
}

const void *enter_call(team *t, uint32_t *seen)
{
  for (uint32_t spins = 0; spins < PATIENCE; spins++) {
    const uint32_t calls = atomic_load_explicit(&t->calls, memory_order_relaxed);
    if (calls % 2 && calls != *seen) {
      /* The owner closes first and then looks who is inside; this is the other way round. */
      atomic_fetch_add(&t->inside, 1);
      if (atomic_load(&t->calls) == calls) {
        *seen = calls;
        return t->call;
      }
      leave_call(t);
    }
    PAUSE();
  }
  return NULL;
}

void leave_call(team *t)
{
  atomic_fetch_sub_explicit(&t->inside, 1, memory_order_release);
}
