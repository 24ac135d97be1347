// What the daemon's start needs and Swift cannot call or does not see: prctl is variadic, and the others are GNU's.
#pragma once
#include <linux/capability.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/types.h>

/// prctl(2) with one argument; the rest are 0.
int prctl_int(int option, unsigned long argument);

/// setresgid(2) and then setresuid(2), with one id for real, effective and saved. The calling thread must be the only one.
int become(uid_t user, gid_t group);

/// Puts the calling thread into SCHED_RR; what it forks or clones is ordinary again (SCHED_RESET_ON_FORK).
int become_real_time(int priority);

/// Keeps every page that this process has touched or will touch in memory. Fails where that would have a limit: later
/// allocations beyond it would fail.
int lock_memory(void);

/// Whether the calling thread is in SCHED_RR.
bool is_real_time(void);
