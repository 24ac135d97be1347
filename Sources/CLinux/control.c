#define _GNU_SOURCE
#include "control.h"

#include <sys/socket.h>

pid_t clinux_peer_process(int descriptor) {
  struct ucred credentials = {0};
  socklen_t size = sizeof credentials;
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return 0;
  return credentials.pid;
}
