#define _GNU_SOURCE
#include "privileges.h"
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

int prctl_int(int option, unsigned long argument) { return prctl(option, argument, 0, 0, 0); }

int become(uid_t user, gid_t group) {
  if (setresgid(group, group, group) != 0) return -1;
  return setresuid(user, user, user);
}

bool is_real_time(void) { return (sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == SCHED_RR; }

int lock_memory(void) {
  struct rlimit limit = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0) {
    int error = errno;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY) {
      errno = error;
      return -1;
    }
  }
  return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

int become_real_time(int priority) {
  struct sched_param parameters = {.sched_priority = priority};
  return sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameters);
}
