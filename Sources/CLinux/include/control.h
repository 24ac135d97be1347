// What the control socket needs beyond Glibc's module.
#pragma once
#include <sys/types.h>

/// The process at the other end of a connected Unix socket, or 0 where the kernel does not say (another PID namespace).
pid_t clinux_peer_process(int descriptor);
