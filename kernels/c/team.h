/* Threads that run a call together. They are the caller's; here they only share its work, which is
 * a sequence of phases, each of some shares. Whoever is free takes the next share; a phase begins
 * when all shares of those before it are done. So nobody waits for a helper that is late or has not
 * got a processor, unless it is in the midst of a share. */
#ifndef PBGEN_TEAM_H
#define PBGEN_TEAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* What a team's members have in common; zero at first. */
typedef struct team {
  _Atomic uint32_t calls;     /* opened and closed ones: odd while one is open */
  _Atomic uint32_t inside;    /* helpers that take part in it */
  _Atomic size_t taken, done; /* shares of all its phases */
  const void *call;
} team;

/* One member's place in a call. */
typedef struct worker {
  team *team;        /* NULL: alone */
  size_t start, end; /* of the phase, in shares of the call */
  size_t alone;      /* next share of one who is alone */
  int holds;         /* a share that is not done */
} worker;

#define NO_SHARE UINT32_MAX

/* Opens the next phase to this member: waits until those before it are done. */
void begin_phase(worker *w, uint32_t shares);

/* Gives back the share that the member holds as done, and takes another of the phase: its index, or
 * NO_SHARE when all are taken. */
uint32_t next_share(worker *w);

/* The owner's: hands a call to helpers; waits until its phases are done and helpers have left. */
void open_call(team *t, const void *call);
void close_call(worker *w);

/* A helper's: the open call, if it is another than the `seen`th; NULL if none comes for a while. */
const void *enter_call(team *t, uint32_t *seen);
void leave_call(team *t);

#endif
