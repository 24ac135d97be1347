#define _GNU_SOURCE
#include "control.h"

#include <sys/socket.h>

pid_t clinux_peer_process(int descriptor) {
  struct ucred credentials = {0};
  socklen_t size = sizeof credentials;
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return 0;
  return credentials.pid;
}

int clinux_peer_identity(int descriptor, uid_t *user, gid_t *group, gid_t *groups, int capacity) {
  struct ucred credentials = {0};
  socklen_t size = sizeof credentials;
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return -1;
  *user = credentials.uid;
  *group = credentials.gid;
  size = (socklen_t)(sizeof(gid_t) * (size_t)capacity);
  if (getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0) return -1;
  return (int)(size / sizeof(gid_t));
}
