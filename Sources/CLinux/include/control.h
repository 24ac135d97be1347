// What the control socket needs beyond Glibc's module.
#pragma once
#include <sys/types.h>

/// The process at the other end of a connected Unix socket, or 0 where the kernel does not say (another PID namespace).
pid_t clinux_peer_process(int descriptor);

/// Who made the connection at the other end of a Unix socket, as the kernel noted it then.
///
/// @param groups gets the supplementary groups, at most `capacity` of them.
/// @return how many groups there are, or -1 with errno.
int clinux_peer_identity(int descriptor, uid_t *user, gid_t *group, gid_t *groups, int capacity);
