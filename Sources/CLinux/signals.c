#define _GNU_SOURCE
#include "signals.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int writing_end = -1;

static void write_number(int number) {
  int saved = errno;
  unsigned char byte = (unsigned char)number;
  // A full pipe holds enough of them.
  ssize_t written = write(writing_end, &byte, 1);
  (void)written;
  errno = saved;
}

int clinux_signals_as_bytes(const int *signals, int count) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return -1;
  writing_end = ends[1];
  struct sigaction action = {.sa_handler = write_number, .sa_flags = SA_RESTART};
  sigfillset(&action.sa_mask);
  for (int i = 0; i < count; i++) {
    if (sigaction(signals[i], &action, NULL) != 0) return -1;
  }
  return ends[0];
}
