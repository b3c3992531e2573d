/* A barrier for the threads that run one call together. They are the caller's; here they only wait.
 */
#ifndef PBGEN_TEAM_H
#define PBGEN_TEAM_H

#include <stdint.h>

#define TEAM_BYTES 64 /* of scratch, zero before its first use */

/* Returns when all members have come here. */
void wait_for_team(void *team, uint32_t members);

#endif
