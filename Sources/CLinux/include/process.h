// What trackers need of the system: pidfds, the small files under /proc/PID, and a few answers that Glibc's module lacks.
#pragma once
#include <stddef.h>
#include <sys/pidfd.h>
#include <sys/types.h>

/// Reads the beginning of PROC_DIRECTORY/PID/NAME, at most `size` bytes, into `buffer`.
/// Returns the number of bytes read, or the negative errno.
ssize_t clinux_read_process_file(int proc_directory, pid_t pid, const char *name, void *buffer, size_t size);

/// Whether PROC_DIRECTORY/PID/comm is `name`, which is not terminated by a zero and has `length` bytes.
/// Returns 1 or 0, or the negative errno.
int clinux_process_has_name(int proc_directory, pid_t pid, const void *name, size_t length);

/// Reads the symbolic link PROC_DIRECTORY/PID/NAME into `buffer`, without a terminating zero.
/// Returns its length, or the negative errno.
ssize_t clinux_read_process_link(int proc_directory, pid_t pid, const char *name, char *buffer, size_t size);

/// `SEGV` for 11; NULL where the signal has no name.
const char *clinux_signal_name(int number);

/// Whether `path` is on a file system that nothing may be executed from.
_Bool clinux_is_mounted_noexec(const char *path);

/// A file in memory with these bytes, to be read from its beginning, closed on exec. Returns -1 with errno.
int clinux_file_in_memory(const void *bytes, size_t size);
