// The files of /proc/PID. A search reads one for every process on the host, so it is kept as plain as can be.
#define _GNU_SOURCE
#include "include/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PATH_SIZE = 64 };

static int process_path(char path[PATH_SIZE], pid_t pid, const char *name) {
  int length = snprintf(path, PATH_SIZE, "%d/%s", (int)pid, name);
  return length > 0 && length < PATH_SIZE ? 0 : -ENAMETOOLONG;
}

ssize_t clinux_read_process_file(int proc_directory, pid_t pid, const char *name, void *buffer, size_t size) {
  char path[PATH_SIZE];
  int failure = process_path(path, pid, name);
  if (failure != 0) return failure;
  int file = openat(proc_directory, path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -errno;
  ssize_t length;
  do {
    length = read(file, buffer, size);
  } while (length < 0 && errno == EINTR);
  if (length < 0) length = -errno;
  close(file);
  return length;
}

int clinux_process_has_name(int proc_directory, pid_t pid, const void *name, size_t length) {
  char buffer[64];
  ssize_t read = clinux_read_process_file(proc_directory, pid, "comm", buffer, sizeof buffer);
  if (read < 0) return (int)read;
  // A line feed ends it.
  return (size_t)read == length + 1 && memcmp(buffer, name, length) == 0;
}

ssize_t clinux_read_process_link(int proc_directory, pid_t pid, const char *name, char *buffer, size_t size) {
  char path[PATH_SIZE];
  int failure = process_path(path, pid, name);
  if (failure != 0) return failure;
  ssize_t length = readlinkat(proc_directory, path, buffer, size);
  return length < 0 ? -errno : length;
}

const char *clinux_signal_name(int number) { return sigabbrev_np(number); }

_Bool clinux_is_mounted_noexec(const char *path) {
  struct statvfs file_system;
  return statvfs(path, &file_system) == 0 && (file_system.f_flag & ST_NOEXEC) != 0;
}

int clinux_file_in_memory(const void *bytes, size_t size) {
  int descriptor = memfd_create("vipd-input", MFD_CLOEXEC);
  if (descriptor < 0) return -1;
  // All at once: memory takes whatever it has room for.
  if (write(descriptor, bytes, size) == (ssize_t)size && lseek(descriptor, 0, SEEK_SET) == 0) return descriptor;
  int error = errno;
  close(descriptor);
  errno = error;
  return -1;
}
